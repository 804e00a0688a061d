// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of commands that change nothing, against libtpms itself: the
 * serialised state before and after each. Where it differs all the time, as in
 * the random generator, is found out first and left aside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "engine/read-only.h"
#include "engine/testing/commands.h"
#include "engine/tpm.h"

#define MAX_STATE 65536
#define NV_INDEX 0x01800100

static struct {
	uint8_t data[2][MAX_STATE];
	uint32_t len[2];
	bool noisy[MAX_STATE];
	struct session session;
} s;

static void take(int i)
{
	uint8_t *state;

	assert_int_equal(tpm_running_state(&state, &s.len[i]), 0);
	assert_true(s.len[i] <= MAX_STATE);
	memcpy(s.data[i], state, s.len[i]);
	tpm_free_running_state(state, s.len[i]);
}

static uint32_t run(const struct command *c, const uint8_t **resp)
{
	uint32_t len;

	*resp = tpm_execute(0, c->data, c->len, &len);
	return len;
}

/* Did the command change the TPM? Its response code in *rc. */
static bool changes(const struct command *c, uint32_t *rc)
{
	const uint8_t *resp;
	uint32_t len, ignored;

	take(0);
	tpm_state_written();
	len = run(c, &resp);
	*rc = response_code(resp, len);
	take(1);
	if (tpm_state_changed(&ignored) || s.len[0] != s.len[1])
		return true;
	for (uint32_t i = 0; i < s.len[0]; i++) {
		if (s.data[0][i] != s.data[1][i] && !s.noisy[i])
			return true;
	}
	return false;
}

/* A command of numbers: of 2 bytes each, or of 4 if their bit in @wide is set. */
static struct command numbers(uint16_t code, const uint32_t *v, int n,
			      unsigned int wide)
{
	struct command c;

	command_begin(&c, false, code);
	for (int i = 0; i < n; i++) {
		if (wide & 1u << i)
			command_u32(&c, v[i]);
		else
			command_u16(&c, v[i]);
	}
	command_end(&c);
	return c;
}
#define NUMBERS(code, wide, ...)                                              \
	numbers(code, (const uint32_t[]){ __VA_ARGS__ },                      \
		sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), \
		wide)

static void expect_same(struct command c, const char *name)
{
	uint32_t rc;

	assert_true(command_reads_only(c.data, c.len));
	if (changes(&c, &rc))
		fail_msg("%s changes the state", name);
	if (rc)
		fail_msg("%s answered 0x%x", name, rc);
	/* One that fails must not change anything, either. */
	c.data[5]--;
	c.len--;
	if (changes(&c, &rc))
		fail_msg("%s, cut short, changes the state", name);
	assert_int_not_equal(rc, 0);
}

static void expect_change(const struct command *c, const char *name)
{
	uint32_t rc;

	assert_false(command_reads_only(c->data, c->len));
	if (!changes(c, &rc) || rc)
		fail_msg("%s changes nothing: this test sees no change", name);
}

static void find_noise(void)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	const uint8_t *resp;
	struct command c;
	uint32_t n = 0;

	command_get_random(&c, 32);
	take(0);
	for (int i = 0; i < 50; i++) {
		run(&c, &resp);
		nanosleep(&pause, NULL);
		take(1);
		assert_int_equal(s.len[0], s.len[1]);
		for (uint32_t k = 0; k < s.len[0]; k++)
			s.noisy[k] |= s.data[0][k] != s.data[1][k];
	}
	for (uint32_t k = 0; k < s.len[0]; k++)
		n += s.noisy[k];
	print_message("# %u of %u bytes differ all the time\n", n, s.len[0]);
	/* A generator's state, a clock or two, and a sum over all. */
	assert_true(n < 300);
}

static void test_reads(void **state)
{
	struct command c;

	(void)state;
	find_noise();
	command_get_random(&c, 32);
	expect_same(c, "GetRandom");
	command_pcr_read(&c, 16);
	expect_same(c, "PCR_Read");
	expect_same(NUMBERS(0x169, 1, NV_INDEX), "NV_ReadPublic");
	expect_same(NUMBERS(0x178, 0, 3), "ECC_Parameters");
	expect_same(NUMBERS(0x17a, 7, 6, 0x100, 10), "GetCapability");
	command_begin(&c, false, 0x17c);
	command_end(&c);
	/* It has no parameters that could be cut short. */
	assert_true(command_reads_only(c.data, c.len));
	command_begin(&c, false, 0x17d);
	command_put(&c, "\0\1\xaa\0\x0b\x40\0\0\x07", 9);
	command_end(&c);
	expect_same(c, "Hash");
	expect_same(NUMBERS(0x189, 1, s.session.handle), "PolicyGetDigest");
	/* TPM_ALG_KEYEDHASH without a scheme. */
	expect_same(NUMBERS(0x18a, 0, 8, 0x10), "TestParms");
}

static void test_changes(void **state)
{
	static const uint8_t digest[TEST_DIGEST] = { 1 };
	struct session other;
	struct command c;

	(void)state;
	command_pcr_extend(&c, 16, digest);
	expect_change(&c, "PCR_Extend");
	command_nv_increment(&c, NV_INDEX);
	expect_change(&c, "NV_Increment");
	command_start_session(&c, &other);
	expect_change(&c, "StartAuthSession");
	assert_false(command_reads_only(c.data, 9));
	command_get_random(&c, 32);
	c.data[1] = 2; /* with sessions */
	assert_false(command_reads_only(c.data, c.len));
	c.data[1] = 1;
	/* A persistent object leaves its traces in the slot it is loaded to. */
	c = NUMBERS(0x173, 1, 0x81000001);
	expect_change(&c, "ReadPublic");
	c.data[6] = 0x20; /* a vendor's code */
	assert_false(command_reads_only(c.data, c.len));
}

static int set_up(void **state)
{
	static const char persist_srk[] =
		"\x80\x02\0\0\0\x23\0\0\x01\x20\x40\0\0\x01\x80\0\0\0"
		"\0\0\0\x09\x40\0\0\x09\0\0\0\0\0\x81\0\0\x01";
	static const char create_srk[] =
		"\x80\x02\0\0\0\x43\0\0\x01\x31\x40\0\0\x01"
		"\0\0\0\x09\x40\0\0\x09\0\0\0\0\0"
		"\0\x04\0\0\0\0"
		"\0\x1a\0\x23\0\x0b\0\x03\0\x72\0\0"
		"\0\x06\0\x80\0\x43\0\x10\0\x03\0\x10\0\0\0\0"
		"\0\0\0\0\0\0";
	static const char startup[] = "\x80\x01\0\0\0\x0c\0\0\x01\x44\0\0";
	const struct tpm_saved new_tpm = { 0 };
	struct error err = { 0 };
	const uint8_t *resp;
	struct command c;
	uint32_t len;

	(void)state;
	if (tpm_power_on(&new_tpm, &err))
		return -1;
	tpm_execute(0, (const void *)startup, sizeof(startup) - 1, &len);
	resp = tpm_execute(0, (const void *)create_srk, sizeof(create_srk) - 1,
			   &len);
	if (response_code(resp, len))
		return -1;
	resp = tpm_execute(0, (const void *)persist_srk,
			   sizeof(persist_srk) - 1, &len);
	if (response_code(resp, len))
		return -1;
	command_nv_define_counter(&c, NV_INDEX);
	len = run(&c, &resp);
	if (response_code(resp, len))
		return -1;
	command_nv_increment(&c, NV_INDEX);
	run(&c, &resp);
	/* A policy session has a digest to be read. */
	command_start_session(&c, &s.session);
	c.data[c.len - 5] = 1;
	len = run(&c, &resp);
	return session_started(&s.session, resp, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests_name("read-only", tests, set_up, NULL);
}
