// SPDX-License-Identifier: GPL-2.0-or-later
/* A program that is no zygote, and does not say so. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/log.h"
#include "util/testing/script.h"
#include "vtpmd/config.h"
#include "vtpmd/zygote.h"

/* One that never answers is waited for once. */
static void zygote_is_mute(void **state)
{
	static const char script[] = "#!/bin/sh\n"
				     "[ \"$1\" != --zygote ] || exec sleep 99\n"
				     "exit 7\n";
	char dir[] = "/tmp/vtpm-test-mute.XXXXXX";
	struct account user = { "this user", geteuid(), getegid() };
	char path[PATH_MAX], *argv[] = { "mute", NULL };
	struct spawn s = { .path = path,
			   .argv = argv,
			   .fds = { -1, -1, -1 },
			   .n_fds = 3,
			   .user = &user,
			   .cwd_fd = -1,
			   .listen_fd = -1 };
	struct zygote *zygote;
	struct error err = { 0 };
	struct process p;
	int status;
	time_t began;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/mute", dir);
	assert_int_equal(script_make(path, script), 0);
	log_init("test", LOG_CRIT);
	assert_int_equal(zygote_new(&zygote), 0);
	zygote_set_timeouts(zygote, 2, 30);
	assert_int_equal(zygote_spawn(zygote, &s, &p, &err), -ESTALE);
	began = time(NULL);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(zygote_spawn(zygote, &s, &p, &err), 0);
		assert_int_equal(process_wait(&p, 10000, &status), 0);
		assert_int_equal(status, 7);
		process_close(&p);
	}
	assert_in_range(time(NULL) - began, 0, 1);
	/* Asked for another: that is tried. */
	zygote_renew(zygote);
	assert_int_equal(zygote_spawn(zygote, &s, &p, &err), -ESTALE);
	zygote_free(zygote);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zygote_is_mute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
