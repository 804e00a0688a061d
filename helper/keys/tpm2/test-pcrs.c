// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keys/tpm2/pcrs.h"

static void sets(void **state)
{
	static const struct {
		const char *text;
		uint16_t bank;
		uint32_t mask;
		const char *canonical;
	} good[] = {
		{ "", 0, 0, "" },
		{ "sha256:7", TPM2_ALG_SHA256, 0x80, "sha256:7" },
		{ "sha384:14,7,0,7", TPM2_ALG_SHA384, 0x4081, "sha384:0,7,14" },
		{ "sha512:23", TPM2_ALG_SHA512, 1u << 23, "sha512:23" },
		{ "sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,"
		  "21,22,23",
		  TPM2_ALG_SHA256, 0xffffff,
		  "sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,"
		  "21,22,23" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct pcr_set set = { 1, 1 };
		char text[PCR_TEXT_LEN];

		assert_int_equal(pcr_set_parse(good[i].text, &set), 0);
		assert_int_equal(set.bank, good[i].bank);
		assert_int_equal(set.mask, good[i].mask);
		assert_int_equal(pcr_set_check(&set), 0);
		pcr_set_format(&set, text);
		assert_string_equal(text, good[i].canonical);
	}
}

static void no_sets(void **state)
{
	static const char *const bad[] = {
		"sha256",    "sha256:",	   "sha256:24",	  "sha256:-1",
		"sha256:7,", "sha256:,7",  "sha256:007",  "sha1:7",
		":7",	     "sha256: 7",  "sha256:7;8",  "7",
		"sha2567:7", "sha256:7\n", "sha256:0x07", "sha256:7:8",
	};
	static const struct pcr_set unsound[] = {
		{ TPM2_ALG_SHA256, 0 },
		{ 0, 1 },
		{ TPM2_ALG_SHA256, 1u << 24 },
		{ TPM2_ALG_SHA1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pcr_set set = { 1, 1 };

		assert_int_equal(pcr_set_parse(bad[i], &set), -EINVAL);
		assert_int_equal(set.mask, 1);
	}
	for (size_t i = 0; i < sizeof(unsound) / sizeof(unsound[0]); i++)
		assert_int_equal(pcr_set_check(&unsound[i]), -EINVAL);
}

static void changes(void **state)
{
	const struct pcr_set set = { TPM2_ALG_SHA384, 1 | 1 << 7 | 1 << 14 };
	static struct pcr_values a, b;
	struct pcr_set changed;

	(void)state;
	a.len = pcr_values_len(&set);
	assert_int_equal(a.len, 3 * 48);
	b = a;
	assert_int_equal(pcr_changed(&set, &a, &b).mask, 0);
	b.data[47] = 1;
	b.data[2 * 48] = 1;
	changed = pcr_changed(&set, &a, &b);
	assert_int_equal(changed.mask, 1 | 1 << 14);
	assert_int_equal(changed.bank, TPM2_ALG_SHA384);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets),
		cmocka_unit_test(no_sets),
		cmocka_unit_test(changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
