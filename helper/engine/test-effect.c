// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tables of commands that change nothing, and of those that do the same once
 * more, against libtpms itself: the serialised state before and after each. Where
 * it differs all the time, as in the random generator, is found out first and
 * left aside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "engine/effect.h"
#include "engine/protocol.h"
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

/* PCR_Event: the digests of all banks are the response. */
static struct command pcr_event(unsigned int pcr)
{
	struct command c;

	command_begin(&c, true, 0x13c);
	command_u32(&c, pcr);
	command_password(&c);
	command_put(&c, "\0\5event", 7);
	command_end(&c);
	return c;
}

static struct command pcr_reset(unsigned int pcr)
{
	struct command c;

	command_begin(&c, true, 0x13d);
	command_u32(&c, pcr);
	command_password(&c);
	command_end(&c);
	return c;
}

struct run {
	uint8_t data[MAX_STATE];
	uint32_t len;
	uint8_t resp[8][ENGINE_MAX_COMMAND];
	uint32_t resp_len[8];
};

/* All of them on the TPM of @from; what they answer and leave in @out. */
static void run_from(const struct tpm_saved *from, const struct command *c,
		     int n, struct run *out)
{
	struct error err = { 0 };
	struct command stir;
	uint16_t fresh[1];
	const uint8_t *resp;
	uint32_t len;

	tpm_power_off();
	assert_int_equal(tpm_power_on(from, &err), 0);
	/* As after a death: another generator, and some time later. */
	random_bytes(fresh, sizeof(fresh));
	stir = NUMBERS(0x146, 0, 2, fresh[0]);
	len = run(&stir, &resp);
	assert_int_equal(response_code(resp, len), 0);
	for (int i = 0; i < n; i++) {
		out->resp_len[i] = run(&c[i], &resp);
		memcpy(out->resp[i], resp, out->resp_len[i]);
		assert_true(command_repeats(c[i].data, c[i].len, resp,
					    out->resp_len[i]));
		assert_null(tpm_state_changed(&len));
	}
	take(0);
	out->len = s.len[0];
	memcpy(out->data, s.data[0], s.len[0]);
}

/* What differs after each start, and the bytes that it may carry into. */
static void find_start_noise(const struct tpm_saved *from)
{
	const struct timespec pause = { .tv_nsec = 3000000 };
	static struct run first, again;

	run_from(from, NULL, 0, &first);
	for (int i = 0; i < 5; i++) {
		nanosleep(&pause, NULL);
		run_from(from, NULL, 0, &again);
		assert_int_equal(first.len, again.len);
		for (uint32_t k = 0; k < first.len; k++)
			s.noisy[k] |= first.data[k] != again.data[k];
	}
	/* The clock is 8 bytes, the highest first. */
	for (uint32_t k = 0; k + 1 < first.len; k++) {
		for (uint32_t j = 1; !s.noisy[k] && j < 8; j++)
			s.noisy[k] = k + j < first.len && s.noisy[k + j];
	}
}

/* What is noted in the log gives the same once more, wherever it is run. */
static void test_repeats(void **state)
{
	static const uint8_t digest[TEST_DIGEST] = { 7 };
	static struct run first, again;
	struct tpm_saved from = { 0 };
	const uint8_t *resp;
	struct command c[4], other;
	uint8_t *running, *permanent;
	unsigned int noise = 0;

	(void)state;
	find_noise();
	command_pcr_extend(&c[0], 16, digest);
	command_pcr_extend(&c[1], 7, digest);
	c[2] = pcr_event(23);
	c[3] = pcr_reset(16);
	/* The first that changes a PCR ends an orderly state: that is on disk. */
	run(&c[1], &resp);
	command_nv_increment(&other, NV_INDEX);
	run(&other, &resp);
	assert_int_equal(tpm_running_state(&running, &from.running_len), 0);
	from.running = running;
	assert_non_null(tpm_state_changed(&from.permanent_len));
	permanent = malloc(from.permanent_len);
	assert_non_null(permanent);
	memcpy(permanent, tpm_state_changed(&from.permanent_len),
	       from.permanent_len);
	from.permanent = permanent;
	find_start_noise(&from);
	run_from(&from, c, 4, &first);
	run_from(&from, c, 4, &again);
	assert_int_equal(first.len, again.len);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(first.resp_len[i], again.resp_len[i]);
		assert_memory_equal(first.resp[i], again.resp[i],
				    first.resp_len[i]);
	}
	for (uint32_t i = 0; i < first.len; i++) {
		noise += s.noisy[i];
		if (!s.noisy[i] && first.data[i] != again.data[i])
			fail_msg("byte %u of the state differs", i);
	}
	/* Of the PCRs, 24 of 4 banks, hardly any is among them. */
	print_message("# %u bytes of %u are not compared\n", noise, first.len);
	assert_true(noise < 500);
	free(permanent);
	tpm_free_running_state(running, from.running_len);
}

/* Nothing else is noted. */
static void test_not_repeating(void **state)
{
	static const uint8_t digest[TEST_DIGEST] = { 1 };
	const uint8_t good[10] = { 0x80, 2, 0, 0, 0, 10 };
	const uint8_t bad[10] = { 0x80, 1, 0, 0, 0, 10, 0, 0, 1, 1 };
	struct session session;
	struct command c, other;

	(void)state;
	command_pcr_extend(&c, 16, digest);
	assert_true(command_repeats(c.data, c.len, good, 10));
	assert_false(command_repeats(c.data, c.len, bad, 10));
	assert_false(command_repeats(c.data, c.len, good, 9));
	for (uint32_t len = 0; len < 27; len++)
		assert_false(command_repeats(c.data, len, good, 10));
	/* Tag, code, size of the area, handle, nonce, password. */
	for (int i = 0; i < 27; i++) {
		static const char counts[] = "110000111100001111111111011";

		other = c;
		other.data[i] ^= 0x40;
		assert_int_equal(
			command_repeats(other.data, other.len, good, 10),
			counts[i] == '0');
	}
	for (uint32_t code = 0x100; code < 0x200; code++) {
		other = c;
		other.data[8] = code >> 8;
		other.data[9] = code;
		assert_int_equal(
			command_repeats(other.data, other.len, good, 10),
			code == 0x13c || code == 0x13d || code == 0x182);
	}
	memset(&session, 0, sizeof(session));
	command_session_extend(&c, &session, 16, digest);
	assert_false(command_repeats(c.data, c.len, good, 10));
	command_nv_increment(&c, NV_INDEX);
	assert_false(command_repeats(c.data, c.len, good, 10));
	command_pcr_read(&c, 16);
	assert_false(command_repeats(c.data, c.len, good, 10));
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
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_not_repeating),
	};

	return cmocka_run_group_tests_name("effect", tests, set_up, NULL);
}
