// SPDX-License-Identifier: GPL-2.0-or-later
/* What is said to an engine that does not listen. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/log.h"
#include "util/testing/script.h"
#include "vtpmd/engine.h"

static struct config cfg = { .run_dir = "/run", .engine_fd = -1 };
static char dir[] = "/tmp/vtpm-test-engine.XXXXXX";

static int listen_as(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, name);
	assert_int_equal(bind(fd, (void *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* It takes in nobody: an answer all the same, and the socket stays. */
static void hangs(void **state)
{
	int fd = listen_as("a"), n = 0, socks[8];
	struct engine_status status;
	time_t begin = time(NULL);
	struct engine e;

	(void)state;
	do {
		socks[n] = engine_connect(&cfg, "a");
	} while (socks[n] >= 0 && ++n < 8);
	assert_in_range(n, 1, 7);
	assert_int_equal(socks[n], -ETIMEDOUT);
	assert_int_equal(engine_get_status(socks[0], 100, &status), -ETIMEDOUT);
	assert_int_equal(engine_adopt(&cfg, "a", 100, &e), -ETIMEDOUT);
	assert_true(time(NULL) - begin < 20);
	assert_int_equal(faccessat(cfg.engine_fd, "a", F_OK, 0), 0);
	while (n)
		close(socks[--n]);
	close(fd);
}

/* A socket that an engine left behind is removed. */
static void gone(void **state)
{
	struct engine e;

	(void)state;
	assert_int_equal(engine_connect(&cfg, "a"), -ECONNREFUSED);
	assert_int_equal(engine_adopt(&cfg, "a", 100, &e), -ENOENT);
	assert_int_equal(faccessat(cfg.engine_fd, "a", F_OK, 0), -1);
	assert_int_equal(engine_adopt(&cfg, "a", 100, &e), -ENOENT);
}

/*
 * Its connection ends long before its process, as on a host that is short of
 * CPUs: it was killed all the same, and there will be another.
 */
static void ends_slowly(void **state)
{
	static const char script[] =
		"#!/bin/sh\nexec 5<&-\nsleep 4\nkill -9 $$\n";
	struct account self = { "self", getuid(), getgid() };
	struct config own = cfg;
	struct secret *key = secret_random(NVRAM_KEY_LEN);
	struct engine_args args = { .name = "slow",
				    .offline = true,
				    .key = key };
	struct engine_status status;
	struct error err = { 0 };
	struct engine e;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/vtpm-engine", dir);
	assert_int_equal(script_make(path, script), 0);
	own.libexec_dir = dir;
	own.state_dir = "/";
	own.engine_user = self;
	args.nvram_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(engine_start(&own, &args, &e, &status, &err), -EINTR);
	close(args.nvram_fd);
	secret_free(key);
	unlink(path);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	cfg.engine_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return cfg.engine_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(cfg.engine_fd);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hangs),
		cmocka_unit_test(gone),
		cmocka_unit_test(ends_slowly),
	};

	log_init("test", LOG_ERR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
