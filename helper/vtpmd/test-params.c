// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/varlink.h"
#include "vtpmd/params.h"

static const struct param table[] = {
	{ "name", PARAM_STRING, false },
	{ "start", PARAM_BOOL, true },
	{ "config", PARAM_OBJECT, true },
	{ 0 },
};

static void refused(void **state)
{
	static const struct {
		const char *text, *bad;
	} cases[] = {
		{ "{}", "name" },
		{ "{\"name\":null}", "name" },
		{ "{\"name\":1}", "name" },
		{ "{\"name\":[]}", "name" },
		{ "{\"name\":\"a\",\"start\":0}", "start" },
		{ "{\"name\":\"a\",\"start\":\"true\"}", "start" },
		{ "{\"name\":\"a\",\"config\":[]}", "config" },
		{ "{\"name\":\"a\",\"other\":null}", "other" },
		{ "{\"name\":\"a\",\"Name\":\"a\"}", "Name" },
		{ "{\"name\":\"a\",\"\":1}", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(json) json_t *o = json_loads(cases[i].text, 0, NULL);
		struct param_values in;
		const char *bad = "nothing";

		assert_non_null(o);
		if (params_take(o, table, &in, &bad) != -EINVAL)
			fail_msg("taken: %s", cases[i].text);
		assert_string_equal(bad, cases[i].bad);
	}
}

static void taken(void **state)
{
	_cleanup_(json) json_t *o = json_loads(
		"{\"config\":{},\"start\":false,\"name\":\"a\"}", 0, NULL);
	struct param_values in;
	const char *bad;

	(void)state;
	assert_int_equal(params_take(o, table, &in, &bad), 0);
	assert_string_equal(param_string(&in, 0), "a");
	assert_false(param_bool(&in, 1, true));
	assert_true(json_is_object(in.v[2]));
}

static void defaults(void **state)
{
	_cleanup_(json) json_t *o =
		json_loads("{\"name\":\"a\",\"start\":null}", 0, NULL);
	struct param_values in;
	const char *bad;

	(void)state;
	assert_int_equal(params_take(o, table, &in, &bad), 0);
	assert_true(param_bool(&in, 1, true));
	assert_false(param_bool(&in, 1, false));
	assert_null(in.v[2]);
}

static void no_object(void **state)
{
	static const struct param none[] = { { 0 } };
	struct param_values in;
	const char *bad = NULL;

	(void)state;
	assert_int_equal(params_take(NULL, none, &in, &bad), 0);
	assert_int_equal(params_take(NULL, table, &in, &bad), -EINVAL);
	assert_string_equal(bad, "name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(taken),
		cmocka_unit_test(defaults),
		cmocka_unit_test(no_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
