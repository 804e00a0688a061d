// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Self-tests that are promised and run later: what is answered meanwhile, that
 * they come to their end, and that a promise repeats itself for a repeated
 * command.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "engine/engine.h"
#include "engine/self-test.h"
#include "engine/testing/commands.h"
#include "engine/tpm.h"

#define NOT_FULL "\x80\x01\0\0\0\x0b\0\0\x01\x43\0"
#define FULL "\x80\x01\0\0\0\x0b\0\0\x01\x43\1"
#define RESULT "\x80\x01\0\0\0\x0a\0\0\x01\x7c"
#define UNTESTED "\x80\x01\0\0\0\x0e\0\0\x01\x42\0\0\0\0"
#define RC_TESTING 0x90a

static struct engine e = { .name = "t", .lock = PTHREAD_MUTEX_INITIALIZER };
static struct secret *key;
static int nvram_fd, checkpoint_fd;
static uint8_t resp[ENGINE_MAX_COMMAND];
static uint64_t seq;

static uint32_t run_as(uint64_t number, const char *cmd, uint32_t len)
{
	const struct engine_command c = { .instance = 1,
					  .seq = number,
					  .data = (const uint8_t *)cmd,
					  .len = len };

	return engine_execute(&e, &c, resp);
}
#define RUN(cmd) run_as(++seq, cmd, sizeof(cmd) - 1)

static uint32_t u32(size_t at)
{
	return (uint32_t)resp[at] << 24 | resp[at + 1] << 16 |
	       resp[at + 2] << 8 | resp[at + 3];
}

static uint32_t code_of(uint32_t len)
{
	return response_code(resp, len);
}

/* What TPM2_GetTestResult says. */
static uint32_t result(void)
{
	assert_int_equal(code_of(RUN(RESULT)), 0);
	return u32(12);
}

static uint32_t untested_now(void)
{
	assert_int_equal(code_of(RUN(UNTESTED)), 0);
	return u32(10);
}

/* An engine ends with its checkpoint: there is no other way to free one. */
static void keep_checkpoint(void)
{
	static struct checkpoint *volatile kept[8];
	static size_t n;

	assert_true(n < 8);
	kept[n++] = e.checkpoint;
	e.checkpoint = NULL;
	assert_non_null(kept[n - 1]);
}

static int set_up(void **state)
{
	const struct nvram_info info = {
		.name = "t",
		.n_wraps = 1,
		.wrap = { { .provider = "p", .key_id = "k", .len = 1 } }
	};
	struct error err = { 0 };

	(void)state;
	nvram_fd = memfd_create("nvram", MFD_CLOEXEC);
	checkpoint_fd = memfd_create("checkpoint", MFD_CLOEXEC);
	key = secret_random(NVRAM_KEY_LEN);
	if (nvram_create(nvram_fd, "t", &info, key, &err) ||
	    nvram_open(nvram_fd, "t", key, &e.nvram, &err))
		return -1;
	return engine_power_on(&e, true, key, checkpoint_fd, &err);
}

static int tear_down(void **state)
{
	(void)state;
	keep_checkpoint();
	secret_free(key);
	nvram_close(e.nvram);
	tpm_power_off();
	return 0;
}

/* The answer comes at once; the tests, with other commands between them. */
static void promised(void **state)
{
	uint32_t left, before;

	(void)state;
	before = untested_now();
	assert_true(before > 4);
	assert_int_equal(result(), 0);
	assert_int_equal(code_of(RUN(NOT_FULL)), RC_TESTING);
	assert_int_equal(untested_now(), before);
	assert_true(self_test_is_due(&e));
	assert_int_equal(result(), RC_TESTING);
	/* Again, and for the number that was answered so. */
	assert_int_equal(code_of(RUN(NOT_FULL)), RC_TESTING);
	while (self_test_is_due(&e)) {
		engine_idle(&e);
		left = untested_now();
		assert_true(left < before);
		before = left;
		assert_int_equal(result(), left ? RC_TESTING : 0);
	}
	assert_int_equal(before, 0);
	/* Now there is nothing to be done: libtpms answers. */
	assert_int_equal(code_of(RUN(NOT_FULL)), 0);
	assert_false(self_test_is_due(&e));
}

/* A successor knows what was answered, and what was tested. */
static void taken_over(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(code_of(RUN(NOT_FULL)), RC_TESTING);
	engine_idle(&e);
	nvram_close(e.nvram);
	tpm_power_off();
	keep_checkpoint();
	memset(&e.last, 0, sizeof(e.last));
	e.testing = false;
	assert_int_equal(nvram_open(nvram_fd, "t", key, &e.nvram, &err), 0);
	assert_int_equal(engine_resume(&e, key, checkpoint_fd, &err), 0);
	assert_int_equal(code_of(run_as(seq, NOT_FULL, 11)), RC_TESTING);
	/* And keeps the promise. */
	assert_int_equal(result(), RC_TESTING);
	while (self_test_is_due(&e))
		engine_idle(&e);
	assert_int_equal(untested_now(), 0);
	assert_int_equal(result(), 0);
}

/* One that is asked to test all does so before it answers. */
static void in_full(void **state)
{
	(void)state;
	assert_int_equal(code_of(RUN(NOT_FULL)), RC_TESTING);
	assert_int_equal(code_of(RUN(FULL)), 0);
	assert_int_equal(untested_now(), 0);
	engine_idle(&e);
	assert_false(self_test_is_due(&e));
	assert_int_equal(result(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(promised, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(taken_over, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("self-test", tests, NULL, NULL);
}
