// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/engine.h"
#include "vtpmd/identity.h"
#include "vtpmd/spawn.h"

/* Finding the primes of an RSA key takes its time, and more of it in a guest.
 */
#define TIMEOUT_MS 300000

int identity_make(const struct config *cfg, const char *name, struct error *err)
{
	char path[PATH_MAX];
	char *argv[] = { "vtpm-identity", "--tcti-fd", "3", NULL };
	_cleanup_close_ int sock = engine_connect(cfg, name);
	struct sandbox sandbox;
	struct spawn s = {
		.path = path,
		.argv = argv,
		.fds = { -1, -1, -1, sock },
		.n_fds = 4,
		.user = &cfg->engine_user,
		.cwd_fd = -1,
		.listen_fd = -1,
		.sandbox = &sandbox,
	};
	struct capture c;
	int r;

	if (sock < 0)
		return error_set(err, sock, VTPM_ERR_IDENTITY,
				 "control socket of engine %s: %s", name,
				 strerror(-sock));
	r = config_find_program(cfg, argv[0], path, err);
	if (!r)
		r = sandbox_for_identity(path, &sandbox, err);
	if (!r) {
		r = capture_run(&s, argv[0], TIMEOUT_MS, &c, err);
		sandbox_free(&sandbox);
	}
	if (r) {
		if (err)
			err->code = VTPM_ERR_IDENTITY;
		return r;
	}
	if (c.status)
		r = error_set(err, -EIO, VTPM_ERR_IDENTITY,
			      "endorsement keys of %s: %s (status %d)", name,
			      c.line[0] ? c.line
					: "vtpm-identity gave no reason",
			      c.status);
	else
		log_debug("endorsement keys of %s: %.*s", name,
			  (int)strcspn(c.out ? c.out : "", "\n"),
			  c.out ? c.out : "");
	capture_deinit(&c);
	return r;
}
