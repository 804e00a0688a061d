// SPDX-License-Identifier: GPL-2.0-or-later
/* Connections that a client leaves half open. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/log.h"
#include "vtpmd/server.h"

static const char call[] = "{\"method\":\"a.b.C\"}";

static void answer(struct call *c, void *arg)
{
	char text[4096];

	(void)arg;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	call_reply(c, json_pack("{s:s}", "text", text));
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(connect(fd, (void *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Rounds of the loop until it has been idle once, at most @max. */
static int rounds(sd_event *event, int max)
{
	int n = 0;

	while (n < max && sd_event_run(event, 50000) > 0)
		n++;
	return n;
}

/* It says no more and does not read: that costs no processor time. */
static void half_closed(void **state)
{
	char dir[] = "/tmp/vtpm-test-server.XXXXXX", path[64];
	struct server *s = NULL;
	struct error err = { 0 };
	sd_event *event;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(
		server_new(event, path, false, 0, answer, NULL, &s, &err), 0);
	fd = connect_to(path);
	/* More answers than the socket takes, fewer than is cut off at. */
	for (int i = 0; i < 200; i++)
		assert_int_equal(send(fd, call, sizeof(call), 0), sizeof(call));
	assert_true(rounds(event, 1000) < 1000);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_true(rounds(event, 1000) < 10);
	close(fd);
	assert_true(rounds(event, 1000) < 10);
	server_free(s);
	sd_event_unref(event);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_closed),
	};

	log_init("test", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
