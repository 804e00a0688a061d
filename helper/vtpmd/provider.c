// SPDX-License-Identifier: GPL-2.0-or-later
/* A provider's directory and program, and its keys as a whole. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/provider-call.h"

void provider_ref_deinit(struct provider_ref *p)
{
	json_decref(p->config);
	p->config = NULL;
}

int provider_make_dir(const struct config *cfg, const char *name,
		      struct error *err)
{
	_cleanup_close_ int fd = -1;

	if (mkdirat(cfg->keys_fd, name, 0700) < 0 && errno != EEXIST)
		goto fail;
	fd = openat(cfg->keys_fd, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, cfg->keys_user.uid, cfg->keys_user.gid) < 0 ||
	    fchmod(fd, 0700) < 0)
		goto fail;
	return 0;
fail:
	return error_set(err, -errno, VTPM_ERR_STORAGE,
			 "directory %s/keys/%s: %s", cfg->state_dir, name,
			 strerror(errno));
}

int provider_remove_dir(const struct config *cfg, const char *name)
{
	int r;

	if (!unlinkat(cfg->keys_fd, name, AT_REMOVEDIR) || errno == ENOENT)
		return 0;
	r = -errno;
	log_warning("directory %s/keys/%s stays: %s", cfg->state_dir, name,
		    strerror(-r));
	return r;
}

int provider_check_type(const struct config *cfg, const char *type,
			struct error *err)
{
	char program[PROVIDER_PROGRAM_LEN], path[PATH_MAX];
	int r;

	provider_program(type, program);
	r = config_find_program(cfg, program, path, err);
	if (r < 0 && err)
		err->code = VTPM_ERR_INVALID;
	return r;
}

bool provider_key_id_valid(const char *id)
{
	size_t n = strlen(id);

	for (size_t i = 0; i < n; i++) {
		if (id[i] <= 0x20 || id[i] >= 0x7f)
			return false;
	}
	return n >= 1 && n <= NVRAM_MAX_KEY_ID;
}

int provider_new_key(const struct config *cfg, const struct provider_ref *p,
		     char id[PROVIDER_KEY_ID_SIZE], struct error *err)
{
	_cleanup_(json) json_t *reply = NULL;
	const char *text;
	int r = provider_call(cfg, p, "new-key", json_object(), -1, -1, &reply,
			      err);

	if (r < 0)
		return r;
	text = json_string_value(json_object_get(reply, "key-id"));
	if (!text || !provider_key_id_valid(text))
		return provider_failed(err, p->name,
				       "the reply to new-key is not usable");
	if (id)
		snprintf(id, PROVIDER_KEY_ID_SIZE, "%s", text);
	return 0;
}

int provider_destroy_key(const struct config *cfg, const struct provider_ref *p,
			 const char *key_id, struct error *err)
{
	return provider_call(cfg, p, "destroy-key",
			     json_pack("{s:s}", "key-id", key_id), -1, -1, NULL,
			     err);
}

int provider_export(const struct config *cfg, const struct provider_ref *p,
		    int password_fd, int document_fd, struct error *err)
{
	return provider_call(cfg, p, "export", json_object(), password_fd,
			     document_fd, NULL, err);
}

/* All of the client's document, which may come slowly or not at all. */
static int read_document(int fd, uint8_t **out, size_t *len)
{
	_cleanup_free_ uint8_t *buf = malloc(PROVIDER_MAX_DOCUMENT + 1);
	size_t n = 0;

	if (!buf)
		return -ENOMEM;
	while (n <= PROVIDER_MAX_DOCUMENT) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		ssize_t r = poll(&pfd, 1, PROVIDER_TIMEOUT_MS);

		if (!r)
			return -ETIMEDOUT;
		if (r > 0)
			r = read(fd, buf + n, PROVIDER_MAX_DOCUMENT + 1 - n);
		if (r < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (!r) {
			*out = TAKE_PTR(buf);
			*len = n;
			return 0;
		}
		if (r > 0)
			n += r;
	}
	return -E2BIG;
}

int provider_import(const struct config *cfg, const struct provider_ref *p,
		    int password_fd, int document_fd, struct error *err)
{
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = read_document(document_fd, &data, &len);

	if (r < 0)
		return error_set(err, r, VTPM_ERR_INVALID, "the backup: %s",
				 strerror(-r));
	text = base64_encode(data, len);
	return provider_call(cfg, p, "import",
			     text ? json_pack("{s:s}", "document", text) : NULL,
			     password_fd, -1, NULL, err);
}
