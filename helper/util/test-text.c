// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/text.h"

static void numbers(void **state)
{
	uint32_t n = 99;

	(void)state;
	assert_int_equal(number_parse("0", 0, 9, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(number_parse("0042", 1, 42, &n), 0);
	assert_int_equal(n, 42);
	assert_int_equal(number_parse("4294967295", 1, UINT32_MAX, &n), 0);
	assert_int_equal(n, UINT32_MAX);
}

static void not_numbers(void **state)
{
	static const char *const bad[] = {
		"",   " 1",  "1 ",  "-1",	  "+1",
		"1x", "0x1", "1\n", "4294967296", "18446744073709551617",
	};
	uint32_t n = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(number_parse(bad[i], 0, UINT32_MAX, &n),
				 -EINVAL);
	assert_int_equal(number_parse("2", 3, 9, &n), -EINVAL);
	assert_int_equal(number_parse("10", 3, 9, &n), -EINVAL);
	assert_int_equal(n, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(not_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
