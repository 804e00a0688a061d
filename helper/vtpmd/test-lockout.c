// SPDX-License-Identifier: GPL-2.0-or-later
/* What is believed of an engine's answer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/protocol.h"
#include "vtpmd/lockout.h"

/* TPM2_GetCapability of 0x20e and on: 2, 3, 1000 and 86400. */
static const uint8_t good[] = {
	0x80, 0x01, 0, 0, 0,  51, 0, 0, 0,   0, 1, 0, 0,    0,	  6, 0,	   0,
	0,    4,    0, 0, 2,  14, 0, 0, 0,   2, 0, 0, 2,    0x0f, 0, 0,	   0,
	3,    0,    0, 2, 16, 0,  0, 3, 232, 0, 0, 2, 0x11, 0,	  1, 0x51, 0x80,
};

/* The engine has answered before it is asked: a socket keeps it. */
static int answer(const uint8_t *resp, uint32_t len, struct lockout *out)
{
	struct engine_header h = { .op = ENGINE_OP_TRY_EXECUTE, .len = len };
	uint8_t rep[sizeof(h) + 256], req[128];
	int fds[2], r;

	memcpy(rep, &h, sizeof(h));
	memcpy(rep + sizeof(h), resp, len);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	assert_int_equal(send(fds[1], rep, sizeof(h) + len, 0),
			 sizeof(h) + len);
	r = lockout_read(fds[0], 1000, out);
	assert_int_equal(recv(fds[1], req, sizeof(req), MSG_DONTWAIT),
			 sizeof(h) + sizeof(struct engine_execute) + 22);
	close(fds[0]);
	close(fds[1]);
	return r;
}

static bool locked(const struct lockout *l)
{
	json_t *json = lockout_to_json(l);
	bool is = json_is_true(json_object_get(json, "locked"));

	assert_int_equal(json_object_size(json), 5);
	json_decref(json);
	return is;
}

static void read_good(void **state)
{
	struct lockout l = { 0 };

	(void)state;
	assert_int_equal(answer(good, sizeof(good), &l), 0);
	assert_int_equal(l.failed, 2);
	assert_int_equal(l.max, 3);
	assert_int_equal(l.interval_s, 1000);
	assert_int_equal(l.recovery_s, 86400);
	assert_false(locked(&l));
	l.failed = 3;
	assert_true(locked(&l));
}

static void read_bad(void **state)
{
	/* A code, another number of properties, and each of the properties. */
	static const size_t places[] = { 9, 18, 22, 30, 38, 46 };
	uint8_t bad[sizeof(good) + 1] = { 0 };
	struct lockout l;

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		memcpy(bad, good, sizeof(good));
		bad[places[i]] ^= 1;
		assert_int_equal(answer(bad, sizeof(good), &l), -EBADMSG);
	}
	memcpy(bad, good, sizeof(good));
	assert_int_equal(answer(bad, sizeof(good) - 1, &l), -EBADMSG);
	assert_int_equal(answer(bad, sizeof(good) + 1, &l), -EBADMSG);
	assert_int_equal(answer(bad, 10, &l), -EBADMSG);
	assert_int_equal(answer(bad, 0, &l), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_good),
		cmocka_unit_test(read_bad),
	};

	return cmocka_run_group_tests_name("lockout", tests, NULL, NULL);
}
