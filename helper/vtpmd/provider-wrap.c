// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "vtpmd/provider-call.h"
#include "vtpmd/spawn.h"

static int take_wrapped(const struct provider_ref *p, json_t *reply,
			struct nvram_wrap *out, struct error *err)
{
	const char *id = json_string_value(json_object_get(reply, "key-id"));
	const char *text = json_string_value(json_object_get(reply, "wrapped"));
	_cleanup_free_ uint8_t *data = NULL;
	size_t len;

	if (!id || !text || !provider_key_id_valid(id) ||
	    base64_decode(text, &data, &len) < 0 || !len ||
	    len > NVRAM_MAX_WRAPPED)
		return provider_failed(err, p->name,
				       "the reply to wrap is not usable");
	*out = (struct nvram_wrap){ .len = len };
	snprintf(out->provider, sizeof(out->provider), "%s", p->name);
	snprintf(out->key_id, sizeof(out->key_id), "%s", id);
	memcpy(out->data, data, len);
	return 0;
}

int provider_wrap(const struct config *cfg, const struct provider_ref *p,
		  const struct secret *key, const uint8_t uuid[UUID_LEN],
		  struct nvram_wrap *out, struct error *err)
{
	_cleanup_(json) json_t *reply = NULL;
	_cleanup_close_ int fd = -1;
	char context[UUID_TEXT_LEN];
	int r = secret_pipe(key, &fd);

	if (r < 0)
		return error_set(err, r, VTPM_ERR_INTERNAL, "key pipe: %s",
				 strerror(-r));
	uuid_format(uuid, context);
	r = provider_call(cfg, p, "wrap",
			  json_pack("{s:s}", "context", context), fd, -1,
			  &reply, err);
	return r < 0 ? r : take_wrapped(p, reply, out, err);
}

int provider_unwrap(const struct config *cfg, const struct provider_ref *p,
		    const uint8_t uuid[UUID_LEN], const struct nvram_wrap *w,
		    struct secret **key, struct error *err)
{
	_cleanup_close_ int rd = -1, wr = -1;
	_cleanup_free_ char *wrapped = base64_encode(w->data, w->len);
	_cleanup_(secret) struct secret *s = NULL;
	char context[UUID_TEXT_LEN];
	int fds[2], r;
	ssize_t n;

	if (!wrapped || pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "no memory or descriptor for the key");
	rd = fds[0];
	wr = fds[1];
	/* Nobody may hold us up by keeping the other end open. */
	if (fcntl(rd, F_SETFL, O_NONBLOCK) < 0)
		return error_set(err, -errno, VTPM_ERR_INTERNAL, "key pipe");
	uuid_format(uuid, context);
	r = provider_call(cfg, p, "unwrap",
			  json_pack("{s:s, s:s, s:s}", "key-id", w->key_id,
				    "context", context, "wrapped", wrapped),
			  -1, wr, NULL, err);
	if (r < 0)
		return r;
	close(TAKE_FD(wr));
	/*
	 * All that there will be is in the pipe. Its end is not waited for: a
	 * child that another thread is starting has the other end, too.
	 */
	s = secret_new(NVRAM_KEY_LEN + 1);
	n = s ? read(rd, s->data, s->len) : -1;
	if (n != NVRAM_KEY_LEN)
		return provider_failed(err, p->name,
				       "unwrap gave no key of 32 bytes");
	s->len = n;
	*key = TAKE_PTR(s);
	return 0;
}
