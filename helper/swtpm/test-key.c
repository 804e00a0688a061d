// SPDX-License-Identifier: GPL-2.0-or-later
/* What is no key file; test-state.c opens files with those that are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "swtpm/key.h"

static int make(const char *text, size_t n, enum swtpm_key_form form,
		size_t len, struct secret **key, struct error *err)
{
	struct secret *file = secret_new(n);
	int r;

	memcpy(file->data, text, n);
	*key = NULL;
	r = swtpm_key(file, form, len, key, err);
	secret_free(file);
	return r;
}

#define DIGITS "000102030405060708090a0b0c0d0e0f"

static void test_hex(void **state)
{
	static const char *const good[] = { DIGITS, DIGITS "\n", "0x" DIGITS,
					    DIGITS " what follows" };
	static const char *const bad[] = {
		"0x",
		"\n",
		" " DIGITS,
		DIGITS "0",
		DIGITS "00",
		DIGITS DIGITS "00",
		"0X" DIGITS,
		"000102030405060708090a0b0c0d0e",
		"000102030405060708090a0b0c0d0e0g",
		"000102030405060708090a0b0c0d0e-1",
	};
	struct error err = { 0 };
	struct secret *key;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(make(good[i], strlen(good[i]), SWTPM_KEY_HEX,
				      0, &key, &err),
				 0);
		assert_int_equal(key->len, 16);
		for (int b = 0; b < 16; b++)
			assert_int_equal(key->data[b], b);
		secret_free(key);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(make(bad[i], strlen(bad[i]), SWTPM_KEY_HEX, 0, &key,
				 &err) < 0);
		assert_string_equal(err.code, VTPM_ERR_KEY_WRONG);
		assert_null(key);
	}
}

static void test_binary(void **state)
{
	struct error err = { 0 };
	struct secret *key;

	(void)state;
	for (size_t n = 1; n < 64; n++) {
		int r = make(DIGITS DIGITS, n, SWTPM_KEY_BINARY, 0, &key, &err);

		assert_int_equal(!r, n == 16 || n == 32);
		secret_free(key);
	}
}

/* The length that was asked for, or it is refused. */
static void test_length(void **state)
{
	struct error err = { 0 };
	struct secret *key;

	(void)state;
	assert_true(make(DIGITS, 32, SWTPM_KEY_HEX, 32, &key, &err) < 0);
	assert_true(make(DIGITS, 32, SWTPM_KEY_BINARY, 16, &key, &err) < 0);
	assert_non_null(strstr(err.text, "256 bits, and 128"));
	for (int form = SWTPM_KEY_PBKDF2; form <= SWTPM_KEY_SHA512; form++) {
		for (size_t len = 16; len <= 32; len += 16) {
			assert_int_equal(make("word", 4, form, len, &key, &err),
					 0);
			assert_int_equal(key->len, len);
			secret_free(key);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_length),
	};

	/* Not in OpenSSL's secure heap, where no sanitizer would watch. */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
