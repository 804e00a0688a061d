// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/io.h"
#include "util/log.h"
#include "vtpmd/provider.h"
#include "vtpmd/spawn.h"

#define CONTRACT_VERSION 1
#define TIMEOUT_MS 60000

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

void provider_remove_dir(const struct config *cfg, const char *name)
{
	if (unlinkat(cfg->keys_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		log_warning("directory %s/keys/%s stays: %s", cfg->state_dir,
			    name, strerror(errno));
}

int provider_check_type(const struct config *cfg, const char *type,
			struct error *err)
{
	char program[NAME_MAX_LEN + 16], path[PATH_MAX];
	int r;

	snprintf(program, sizeof(program), "vtpm-key-%s", type);
	r = config_find_program(cfg, program, path, err);
	if (r < 0 && err)
		err->code = VTPM_ERR_INVALID;
	return r;
}

static int provider_failed(struct error *err, const char *name,
			   const char *what)
{
	return error_set(err, -EPROTO, VTPM_ERR_PROVIDER, "provider %s: %s",
			 name, what);
}

/* The error object of a reply. */
static int reply_error(const char *name, json_t *error, struct error *err)
{
	static const struct {
		const char *name, *code;
		int errnum;
	} map[] = {
		{ "InvalidArgument", VTPM_ERR_INVALID, -EINVAL },
		{ "NotSupported", VTPM_ERR_NOT_SUPPORTED, -EOPNOTSUPP },
		{ "KeyMissing", VTPM_ERR_KEY_MISSING, -ENOKEY },
		{ "KeyWrong", VTPM_ERR_KEY_WRONG, -EKEYREJECTED },
		{ "KeyDestroyed", VTPM_ERR_KEY_DESTROYED, -EKEYREVOKED },
		{ "ProviderNotBackedUp", VTPM_ERR_NOT_BACKED_UP, -EPERM },
		{ "PasswordWrong", VTPM_ERR_PASSWORD, -EKEYREJECTED },
		{ "AlreadyExists", VTPM_ERR_EXISTS, -EEXIST },
		{ "ProviderFailed", VTPM_ERR_PROVIDER, -EIO },
	};
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *text = json_string_value(json_object_get(error, "message"));
	const char *prefix = "";
	char line[400];

	if (!code || !text)
		return provider_failed(
			err, name, "the reply has neither result nor error");
	last_line(text, strlen(text), line, sizeof(line));
	/* Most programs say of themselves who speaks. */
	if (strncmp(line, "provider ", 9))
		prefix = "provider ";
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (!strcmp(map[i].name, code))
			return error_set(err, map[i].errnum, map[i].code,
					 "%s%s%s%s", prefix,
					 *prefix ? name : "",
					 *prefix ? ": " : "", line);
	}
	return provider_failed(err, name, line);
}

int provider_parse_reply(const char *name, const char *text, size_t len,
			 json_t **out, struct error *err)
{
	_cleanup_(json) json_t *reply =
		json_loadb(text ? text : "", len, JSON_REJECT_DUPLICATES, NULL);
	json_t *ok = json_object_get(reply, "ok");

	if (!json_is_boolean(ok))
		return provider_failed(
			err, name, "its output is not a reply of the contract");
	if (json_is_false(ok))
		return reply_error(name, json_object_get(reply, "error"), err);
	*out = TAKE_PTR(reply);
	return 0;
}

/* The request as a file to read: a pipe could fill up and stop us. */
static int make_request(const json_t *request, int *out)
{
	_cleanup_free_ char *text = json_dumps(request, JSON_COMPACT);
	_cleanup_close_ int fd = memfd_create("request", MFD_CLOEXEC);
	int r;

	if (!text)
		return -ENOMEM;
	if (fd < 0)
		return -errno;
	r = write_full(fd, text, strlen(text));
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	*out = TAKE_FD(fd);
	return 0;
}

static int run_program(const struct config *cfg, const struct provider_ref *p,
		       int request_fd, int in_fd, int out_fd, struct capture *c,
		       struct error *err)
{
	char program[NAME_MAX_LEN + 16], path[PATH_MAX];
	char *argv[] = { program, NULL };
	_cleanup_close_ int dir = -1;
	struct sandbox sandbox;
	struct spawn s = {
		.path = path,
		.argv = argv,
		.fds = { request_fd, -1, -1, in_fd, out_fd },
		.n_fds = 5,
		.user = &cfg->keys_user,
		.listen_fd = -1,
		.sandbox = &sandbox,
	};
	int r;

	snprintf(program, sizeof(program), "vtpm-key-%s", p->type);
	r = config_find_program(cfg, program, path, err);
	if (r < 0) {
		if (err)
			err->code = VTPM_ERR_PROVIDER;
		return r;
	}
	dir = openat(cfg->keys_fd, p->name,
		     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return error_set(
			err, -errno,
			errno == ENOENT ? VTPM_ERR_KEY_MISSING
					: VTPM_ERR_PROVIDER,
			"provider %s: %s/keys/%s: %s; get its keys "
			"back with: vtpmctl provider restore %s %s FILE",
			p->name, cfg->state_dir, p->name, strerror(errno),
			p->type, p->name);
	s.cwd_fd = dir;
	r = sandbox_for_provider(cfg, p->type, path, dir, p->config, &sandbox,
				 err);
	if (r >= 0) {
		r = capture_run(&s, program, TIMEOUT_MS, c, err);
		sandbox_free(&sandbox);
	}
	if (r < 0 && err)
		err->code = VTPM_ERR_PROVIDER;
	return r;
}

/*
 * One request. @members is consumed: what the operation adds to the request,
 * NULL if memory is short.
 */
static int provider_call(const struct config *cfg, const struct provider_ref *p,
			 const char *operation, json_t *members, int in_fd,
			 int out_fd, json_t **reply, struct error *err)
{
	_cleanup_(json) json_t *request = members, *local = NULL;
	_cleanup_close_ int fd = -1;
	struct capture c;
	int r;

	if (!members ||
	    json_object_set_new(request, "version",
				json_integer(CONTRACT_VERSION)) < 0 ||
	    json_object_set_new(request, "operation", json_string(operation)) <
		    0 ||
	    json_object_set_new(request, "provider", json_string(p->name)) <
		    0 ||
	    json_object_set_new(request, "config",
				p->config ? json_deep_copy(p->config)
					  : json_object()) < 0)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	r = make_request(request, &fd);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 "request to provider %s: %s", p->name,
				 strerror(-r));
	r = run_program(cfg, p, fd, in_fd, out_fd, &c, err);
	if (r < 0)
		return r;
	if (c.line[0])
		log_info("provider %s: %s: %s", p->name, operation, c.line);
	if (c.status)
		r = error_set(
			err, -EIO, VTPM_ERR_PROVIDER,
			"provider %s: vtpm-key-%s ended with status %d%s%s",
			p->name, p->type, c.status, c.line[0] ? ": " : "",
			c.line);
	else
		r = provider_parse_reply(p->name, c.out, c.out_len, &local,
					 err);
	capture_deinit(&c);
	if (!r && reply)
		*reply = TAKE_PTR(local);
	return r;
}

int provider_new_key(const struct config *cfg, const struct provider_ref *p,
		     struct error *err)
{
	return provider_call(cfg, p, "new-key", json_object(), -1, -1, NULL,
			     err);
}

/* Printable and of sane length: it goes into the file and into messages. */
static bool key_id_valid(const char *id)
{
	size_t n = strlen(id);

	for (size_t i = 0; i < n; i++) {
		if (id[i] <= 0x20 || id[i] >= 0x7f)
			return false;
	}
	return n >= 1 && n <= NVRAM_MAX_KEY_ID;
}

static int take_wrapped(const struct provider_ref *p, json_t *reply,
			struct nvram_wrap *out, struct error *err)
{
	const char *id = json_string_value(json_object_get(reply, "key-id"));
	const char *text = json_string_value(json_object_get(reply, "wrapped"));
	_cleanup_free_ uint8_t *data = NULL;
	size_t len;

	if (!id || !text || !key_id_valid(id) ||
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
	r = secret_read_fd(rd, NVRAM_KEY_LEN, &s);
	if (r < 0 || s->len != NVRAM_KEY_LEN)
		return provider_failed(err, p->name,
				       "unwrap gave no key of 32 bytes");
	*key = TAKE_PTR(s);
	return 0;
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
		ssize_t r = poll(&pfd, 1, TIMEOUT_MS);

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

/* {"key-id", "backed-up"} to {"keyId", "backedUp"}; NULL if it is not one. */
static json_t *convert_key(json_t *k)
{
	json_t *active = json_object_get(k, "active");
	json_t *backed_up = json_object_get(k, "backed-up");

	if (!json_is_boolean(active) || !json_is_boolean(backed_up))
		return NULL;
	return json_pack("{s:O, s:O, s:O, s:O}", "keyId",
			 json_object_get(k, "key-id"), "created",
			 json_object_get(k, "created"), "active", active,
			 "backedUp", backed_up);
}

static int convert_info(json_t *reply, json_t *out)
{
	json_t *from = json_object_get(reply, "keys"), *keys = json_array(), *k;
	json_t *usable = json_object_get(reply, "usable");
	json_t *reason = json_object_get(reply, "reason");
	size_t i;

	if (json_object_set_new(out, "keys", keys) < 0 ||
	    !json_is_array(from) || !json_is_boolean(usable))
		return -EBADMSG;
	json_array_foreach(from, i, k) {
		if (!json_is_string(json_object_get(k, "key-id")) ||
		    !json_is_string(json_object_get(k, "created")) ||
		    json_array_append_new(keys, convert_key(k)) < 0)
			return -EBADMSG;
	}
	json_object_set(out, "usable", usable);
	if (json_is_string(reason))
		json_object_set(out, "reason", reason);
	return 0;
}

json_t *provider_info(const struct config *cfg, const struct provider_ref *p)
{
	_cleanup_(json) json_t *reply = NULL, *out = json_object();
	struct error err = { 0 };
	int r = provider_call(cfg, p, "info", json_object(), -1, -1, &reply,
			      &err);

	if (!r && convert_info(reply, out) < 0)
		r = provider_failed(&err, p->name,
				    "the reply to info is not usable");
	if (r < 0) {
		json_object_set_new(out, "keys", json_array());
		json_object_set_new(out, "usable", json_false());
		json_object_set_new(out, "reason", json_string(err.text));
	}
	return TAKE_PTR(out);
}
