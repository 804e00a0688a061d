// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "util/json.h"
#include "vtpmd/run-helper.h"
#include "vtpmd/spawn.h"

static int take_reply(const struct helper_run *run, const struct capture *c,
		      json_t **reply, struct error *err)
{
	_cleanup_(json) json_t *json = json_loadb(
		c->out ? c->out : "", c->out_len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *error = json_object_get(json, "error");
	const char *text = json_member(error, "message");
	char line[400];

	if (c->status)
		return error_set(err, -EIO, VTPM_ERR_IDENTITY,
				 "%s: %s (status %d)", run->what,
				 c->line[0] ? c->line : "it gave no reason",
				 c->status);
	if (!json_is_object(json))
		return error_set(err, -EPROTO, VTPM_ERR_IDENTITY,
				 "%s: the output of %s is no reply", run->what,
				 run->argv[0]);
	if (!error) {
		*reply = TAKE_PTR(json);
		return 0;
	}
	last_line(text, strlen(text), line, sizeof(line));
	return error_set(err, -EIO, error_code_find(json_member(error, "code")),
			 "%s: %s", run->what, line);
}

int helper_run(const struct config *cfg, const struct helper_run *run,
	       json_t **reply, struct error *err)
{
	_cleanup_(json) json_t *request = run->request;
	_cleanup_close_ int in = -1;
	char path[PATH_MAX];
	struct sandbox sandbox;
	struct spawn s = {
		.path = path,
		.argv = run->argv,
		.n_fds = 4,
		.user = run->user,
		.cwd_fd = -1,
		.listen_fd = -1,
		.sandbox = &sandbox,
	};
	struct capture c;
	int r = request ? json_memfd(request, &in) : -ENOMEM;

	if (r)
		error_set(err, r, VTPM_ERR_IDENTITY, "%s: %s", run->what,
			  strerror(-r));
	if (!r)
		r = config_find_program(cfg, run->argv[0], path, err);
	if (!r)
		r = sandbox_for_identity(path, &sandbox, err);
	if (!r) {
		s.fds[0] = in;
		s.fds[1] = s.fds[2] = -1;
		s.fds[3] = run->fd;
		r = capture_run(&s, run->argv[0], run->timeout_ms, &c, err);
		sandbox_free(&sandbox);
	}
	if (r) {
		if (err)
			err->code = VTPM_ERR_IDENTITY;
		return r;
	}
	r = take_reply(run, &c, reply, err);
	capture_deinit(&c);
	return r;
}
