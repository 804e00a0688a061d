// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which commands are noted in the checkpoint's log, and what an engine does that
 * goes on from it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "engine/testing/engine.h"
#include "nvram/checkpoint-file.h"

#define INSTANCE 3
#define PCR 7

static const uint8_t digest[TEST_DIGEST] = { 0x11 };

static struct {
	int nvram_fd, checkpoint_fd;
	struct secret *key;
	struct engine e;
	uint64_t seq;
	uint8_t resp[ENGINE_MAX_COMMAND];
} t;

static void open_engine(void)
{
	struct error err = { 0 };

	memset(&t.e, 0, sizeof(t.e));
	t.e.name = "log";
	pthread_mutex_init(&t.e.lock, NULL);
	assert_int_equal(nvram_open(t.nvram_fd, "log", t.key, &t.e.nvram, &err),
			 0);
}

/* As if it had been killed: what it has in memory is gone. */
static void forget_engine(void)
{
	tpm_power_off();
	checkpoint_free(t.e.checkpoint);
	nvram_close(t.e.nvram);
}

static int resume(struct error *err)
{
	forget_engine();
	open_engine();
	return engine_resume(&t.e, t.key, t.checkpoint_fd, err);
}

static void run(const struct command *c)
{
	assert_int_equal(engine_run(&t.e, INSTANCE, ++t.seq, c, t.resp), 0);
}

static void extend(uint8_t pcr[TEST_DIGEST])
{
	struct command c;

	command_pcr_extend(&c, PCR, digest);
	run(&c);
	pcr_extend(pcr, digest);
}

static void expect_pcr(const uint8_t pcr[TEST_DIGEST])
{
	struct command c;

	command_pcr_read(&c, PCR);
	run(&c);
	assert_memory_equal(t.resp + 30, pcr, TEST_DIGEST);
}

/* How many entries the file's log has. */
static int count_log(void)
{
	struct checkpoint_stored c = { 0 };
	struct error err = { 0 };
	uint8_t uuid[UUID_LEN];
	uint32_t at = 0, len;
	int n = 0;

	memcpy(uuid, nvram_get_info(t.e.nvram)->uuid, UUID_LEN);
	assert_int_equal(
		checkpoint_file_open(t.checkpoint_fd, uuid, t.key, &c, &err),
		0);
	while (checkpoint_stored_entry(&c, &at, &len))
		n++;
	checkpoint_stored_clear(&c);
	return n;
}

static int set_up(void **state)
{
	struct error err = { 0 };

	(void)state;
	memset(&t, 0, sizeof(t));
	t.key = secret_random(NVRAM_KEY_LEN);
	t.nvram_fd = memfd_create("nvram", MFD_CLOEXEC);
	t.checkpoint_fd = memfd_create("checkpoint", MFD_CLOEXEC);
	assert_int_equal(engine_new_file(t.nvram_fd, "log", t.key, &err), 0);
	open_engine();
	return engine_power_on(&t.e, true, t.key, t.checkpoint_fd, &err);
}

static int tear_down(void **state)
{
	(void)state;
	forget_engine();
	close(t.nvram_fd);
	close(t.checkpoint_fd);
	secret_free(t.key);
	return 0;
}

/* What is to be on disk goes there, and no entry stands for it. */
static void test_what_is_noted(void **state)
{
	uint8_t pcr[TEST_DIGEST] = { 0 };
	uint64_t generation;
	struct command c;

	(void)state;
	command_begin(&c, false, 0x145); /* Shutdown(CLEAR) */
	command_u16(&c, 0);
	command_end(&c);
	run(&c);
	/* The first of these ends that, which the file has to say. */
	generation = t.e.generation;
	extend(pcr);
	assert_true(t.e.generation > generation);
	generation = t.e.generation;
	for (int i = 0; i < 3; i++)
		extend(pcr);
	command_get_random(&c, 16);
	run(&c);
	expect_pcr(pcr);
	assert_int_equal(t.e.generation, generation);
	assert_int_equal(count_log(), 3);
}

/* A state comes when the log is full, or with a command that is none for it. */
static void test_goes_on(void **state)
{
	uint8_t pcr[TEST_DIGEST] = { 0 };
	struct error err = { 0 };
	struct session session;
	struct command c;

	(void)state;
	for (int i = 0; i < 200; i++) {
		extend(pcr);
		if (i % 13 == 0)
			assert_int_equal(resume(&err), 0);
		if (i % 31 == 0) {
			command_start_session(&c, &session);
			run(&c);
			command_begin(&c, false, 0x165); /* FlushContext */
			command_u32(&c, (uint32_t)t.resp[10] << 24 |
						t.resp[11] << 16 |
						t.resp[12] << 8 | t.resp[13]);
			command_end(&c);
			run(&c);
		}
		expect_pcr(pcr);
	}
	extend(pcr);
	assert_true(count_log() > 0);
}

/* The last of the log is what the kernel may ask for again. */
static void test_answered_from_log(void **state)
{
	uint8_t pcr[TEST_DIGEST] = { 0 }, first[ENGINE_MAX_COMMAND];
	struct engine_command again = { .instance = INSTANCE };
	struct error err = { 0 };
	struct command c;
	uint32_t len;

	(void)state;
	for (int i = 0; i < 5; i++)
		extend(pcr);
	memcpy(first, t.resp, sizeof(first));
	assert_int_equal(resume(&err), 0);
	command_pcr_extend(&c, PCR, digest);
	again.seq = t.seq;
	again.data = c.data;
	again.len = c.len;
	len = engine_execute(&t.e, &again, t.resp);
	assert_int_equal(response_code(t.resp, len), 0);
	assert_memory_equal(t.resp, first, len);
	expect_pcr(pcr);
}

/* One that answers otherwise was not run on this TPM. */
static void test_other_result(void **state)
{
	uint8_t pcr[TEST_DIGEST] = { 0 };
	struct error err = { 0 };
	struct checkpoint_entry entry = { .instance = INSTANCE };
	struct command c;

	(void)state;
	for (int i = 0; i < 3; i++)
		extend(pcr);
	t.resp[t.e.last.len - 1] ^= 1;
	command_pcr_extend(&c, PCR, digest);
	entry.seq = ++t.seq;
	entry.command = c.data;
	entry.command_len = c.len;
	entry.response = t.resp;
	entry.response_len = t.e.last.len;
	assert_int_equal(checkpoint_log(t.e.checkpoint, &entry, &err), 0);
	assert_true(resume(&err) < 0);
	assert_string_equal(err.code, VTPM_ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_noted, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_goes_on, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_answered_from_log, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_other_result, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
