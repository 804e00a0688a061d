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
