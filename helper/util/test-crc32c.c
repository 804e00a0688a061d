// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/crc32c.h"

/* RFC 3720 appendix B.4, and the usual check value. */
static void test_known_values(void **state)
{
	uint8_t buf[32];

	(void)state;
	memset(buf, 0, sizeof(buf));
	assert_int_equal(crc32c(0, buf, 32), 0x8a9136aa);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(crc32c(0, buf, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		buf[i] = i;
	assert_int_equal(crc32c(0, buf, 32), 0x46dd794e);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
}

static void test_pieces(void **state)
{
	const char *text = "one sum, however the bytes are cut into pieces";
	size_t len = strlen(text);

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		uint32_t crc = crc32c(0, text, cut);

		assert_int_equal(crc32c(crc, text + cut, len - cut),
				 crc32c(0, text, len));
	}
}

/* The instruction and the tables, at every length and alignment. */
static void test_ways(void **state)
{
	uint8_t data[600];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i * 131 + 7;
	for (size_t at = 0; at < 8; at++) {
		for (size_t len = 0; at + len <= sizeof(data); len++)
			assert_int_equal(crc32c(len, data + at, len),
					 crc32c_tables(len, data + at, len));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
