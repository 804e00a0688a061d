// SPDX-License-Identifier: GPL-2.0-or-later
/* A new TPM must be one of its own, and the same again when it is loaded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/tpm.h"

#define KEY_MAX 512

/* A TPM's permanent state, as it would be in the file. */
struct saved {
	uint8_t *data;
	uint32_t len;
};

static void run(const void *cmd, uint32_t cmd_len, const uint8_t **resp,
		uint32_t *len)
{
	static const uint8_t success[4];

	*resp = tpm_execute(0, cmd, cmd_len, len);
	assert_true(*len >= 10);
	assert_memory_equal(*resp + 6, success, sizeof(success));
}
#define RUN(text, resp, len) run(text, sizeof(text) - 1, resp, len)

static void power_on(const struct saved *s)
{
	const struct tpm_saved saved = { .permanent = s->data,
					 .permanent_len = s->len };
	struct error err = { 0 };
	const uint8_t *resp;
	uint32_t len;

	assert_int_equal(tpm_power_on(&saved, &err), 0);
	RUN("\x80\x01\0\0\0\x0c\0\0\x01\x44\0\0", &resp, &len);
}

static void save(struct saved *s)
{
	uint32_t len;
	const void *state = tpm_state_changed(&len);

	if (!state)
		return;
	free(s->data);
	s->data = malloc(len);
	assert_non_null(s->data);
	memcpy(s->data, state, len);
	s->len = len;
	tpm_state_written();
}

/* The P-256 primary key under the endorsement seed. */
static size_t primary(uint8_t key[KEY_MAX])
{
	static const char create[] =
		"\x80\x02\0\0\0\x43\0\0\x01\x31\x40\0\0\x0b"
		"\0\0\0\x09\x40\0\0\x09\0\0\0\0\0"
		"\0\x04\0\0\0\0"
		"\0\x1a\0\x23\0\x0b\0\x03\0\x72\0\0"
		"\0\x06\0\x80\0\x43\0\x10\0\x03\0\x10\0\0\0\0"
		"\0\0\0\0\0\0";
	const uint8_t *resp;
	uint32_t len, public_len;

	run(create, sizeof(create) - 1, &resp, &len);
	/* header, handle, parameter size, then TPM2B_PUBLIC */
	public_len = resp[18] << 8 | resp[19];
	assert_true(20 + public_len <= len && public_len <= KEY_MAX);
	memcpy(key, resp + 20, public_len);
	return public_len;
}

static void test_own_seeds(void **state)
{
	struct saved a = { 0 }, b = { 0 };
	uint8_t key_a[KEY_MAX], key_b[KEY_MAX], again[KEY_MAX];
	size_t len_a, len_b;

	(void)state;
	power_on(&a);
	len_a = primary(key_a);
	save(&a);
	tpm_power_off();

	power_on(&b);
	len_b = primary(key_b);
	save(&b);
	tpm_power_off();
	assert_int_equal(len_a, len_b);
	assert_memory_not_equal(key_a, key_b, len_a);

	power_on(&a);
	assert_int_equal(primary(again), len_a);
	assert_memory_equal(again, key_a, len_a);
	tpm_power_off();
	free(a.data);
	free(b.data);
}

/* TPM_PT_MAX_AUTH_FAIL 3, and both times 1000 s: libtpms' own defaults. */
static void test_lockout_parameters(void **state)
{
	static const char get[] = "\x80\x01\0\0\0\x16\0\0\x01\x7a\0\0\0\x06"
				  "\0\0\x02\x0e\0\0\0\x04";
	static const char expected[] = "\0\0\x02\x0e\0\0\0\0"
				       "\0\0\x02\x0f\0\0\0\x03"
				       "\0\0\x02\x10\0\0\x03\xe8"
				       "\0\0\x02\x11\0\0\x03\xe8";
	struct saved s = { 0 };
	const uint8_t *resp;
	uint32_t len;

	(void)state;
	power_on(&s);
	RUN(get, &resp, &len);
	assert_int_equal(len, 19 + sizeof(expected) - 1);
	assert_memory_equal(resp + 19, expected, sizeof(expected) - 1);
	tpm_power_off();
}

static void test_refused_state(void **state)
{
	static const uint8_t junk[64] = { 1, 2, 3 };
	const struct tpm_saved saved = { .permanent = junk,
					 .permanent_len = sizeof(junk) };
	struct error err = { 0 };

	(void)state;
	assert_true(tpm_power_on(&saved, &err) < 0);
	assert_string_equal(err.code, VTPM_ERR_CORRUPT);
	tpm_power_off();
}

/* Where the library has them, they are what the TPM is made by, and said of it. */
static void test_profiles(void **state)
{
	static const char *const bad[] = { "", "a b", "x\"y", "x\\y" };
	struct saved none = { 0 };
	char name[TPM_MAX_PROFILE + 1];
	struct error err = { 0 };

	(void)state;
	if (tpm_library_version() < 0x0a00) {
		assert_int_equal(tpm_set_profile("null", &err), -EOPNOTSUPP);
		assert_string_equal(err.code, VTPM_ERR_INVALID);
		power_on(&none);
		tpm_get_profile(name);
		assert_string_equal(name, "");
		tpm_power_off();
		skip();
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tpm_set_profile(bad[i], &err), -EINVAL);
	assert_int_equal(tpm_set_profile("no-such", &err), 0);
	assert_int_equal(tpm_power_on(&(struct tpm_saved){ 0 }, &err), -EINVAL);
	tpm_power_off();
	/* Each TPM of a process has what was set for it, or libtpms' default. */
	assert_int_equal(tpm_set_profile("default-v1", &err), 0);
	power_on(&none);
	tpm_get_profile(name);
	assert_string_equal(name, "default-v1");
	tpm_power_off();
	power_on(&none);
	tpm_get_profile(name);
	assert_string_not_equal(name, "default-v1");
	assert_string_not_equal(name, "");
	tpm_power_off();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_seeds),
		cmocka_unit_test(test_lockout_parameters),
		cmocka_unit_test(test_refused_state),
		cmocka_unit_test(test_profiles),
	};

	return cmocka_run_group_tests_name("tpm", tests, NULL, NULL);
}
