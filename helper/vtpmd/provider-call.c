// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/json.h"
#include "util/log.h"
#include "vtpmd/provider-call.h"
#include "vtpmd/standby.h"

#define CONTRACT_VERSION 1

int provider_failed(struct error *err, const char *name, const char *what)
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

void provider_program(const char *type, char name[PROVIDER_PROGRAM_LEN])
{
	snprintf(name, PROVIDER_PROGRAM_LEN, "vtpm-key-%s", type);
}

static int open_dir(const struct config *cfg, const struct provider_ref *p,
		    int *dir, struct error *err)
{
	*dir = openat(cfg->keys_fd, p->name,
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*dir >= 0)
		return 0;
	return error_set(err, -errno,
			 errno == ENOENT ? VTPM_ERR_KEY_MISSING
					 : VTPM_ERR_PROVIDER,
			 "provider %s: %s/keys/%s: %s; get its keys "
			 "back with: vtpmctl provider restore %s %s FILE",
			 p->name, cfg->state_dir, p->name, strerror(errno),
			 p->type, p->name);
}

int provider_spawn(const struct config *cfg, const struct provider_ref *p,
		   const int fds[3], bool ahead, struct running *out,
		   struct error *err)
{
	char program[PROVIDER_PROGRAM_LEN], path[PATH_MAX];
	char *argv[] = { program, ahead ? "--ahead" : NULL, NULL };
	_cleanup_close_ int dir = -1;
	struct sandbox sandbox;
	struct spawn s = {
		.path = path,
		.argv = argv,
		.fds = { fds[0], -1, -1, fds[1], fds[2] },
		.n_fds = 5,
		.user = &cfg->keys_user,
		.listen_fd = -1,
		.sandbox = &sandbox,
		.ahead = ahead,
	};
	int r;

	provider_program(p->type, program);
	r = config_find_program(cfg, program, path, err);
	if (r < 0) {
		if (err)
			err->code = VTPM_ERR_PROVIDER;
		return r;
	}
	r = open_dir(cfg, p, &dir, err);
	if (r < 0)
		return r;
	s.cwd_fd = dir;
	r = sandbox_for_provider(cfg, p->type, path, dir, p->config, &sandbox,
				 err);
	if (!r) {
		r = capture_start(&s, program, out, err);
		sandbox_free(&sandbox);
	}
	if (r < 0 && err)
		err->code = VTPM_ERR_PROVIDER;
	return r;
}

static int run_program(const struct config *cfg, const struct provider_ref *p,
		       const int fds[3], int timeout_ms, struct capture *c,
		       struct error *err)
{
	char program[PROVIDER_PROGRAM_LEN];
	struct running run;
	int r = provider_spawn(cfg, p, fds, false, &run, err);

	if (r < 0)
		return r;
	provider_program(p->type, program);
	r = capture_finish(&run, program, timeout_ms, c, err);
	if (r < 0 && err)
		err->code = VTPM_ERR_PROVIDER;
	return r;
}

/* By the one that waits for it, if there is one. */
static int run(const struct config *cfg, const struct provider_ref *p,
	       const char *operation, const int fds[3], int timeout_ms,
	       struct capture *c, struct error *err)
{
	int r = -ENOENT;

	if (!strcmp(operation, "unwrap")) {
		r = standby_run(cfg->standby, cfg, p, fds[0], fds[2], c, NULL);
		standby_want(cfg->standby, p);
	}
	return r < 0 ? run_program(cfg, p, fds, timeout_ms, c, err) : r;
}

int provider_call(const struct config *cfg, const struct provider_ref *p,
		  const char *operation, json_t *members, int in_fd, int out_fd,
		  json_t **reply, struct error *err)
{
	return provider_call_within(cfg, p, operation, members, in_fd, out_fd,
				    PROVIDER_TIMEOUT_MS, reply, err);
}

int provider_call_within(const struct config *cfg, const struct provider_ref *p,
			 const char *operation, json_t *members, int in_fd,
			 int out_fd, int timeout_ms, json_t **reply,
			 struct error *err)
{
	_cleanup_(json) json_t *request = members, *local = NULL;
	_cleanup_close_ int fd = -1;
	struct capture c = { 0 };
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
	r = json_memfd(request, &fd);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 "request to provider %s: %s", p->name,
				 strerror(-r));
	r = run(cfg, p, operation, (const int[]){ fd, in_fd, out_fd },
		timeout_ms, &c, err);
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
