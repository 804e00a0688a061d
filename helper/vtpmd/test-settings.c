// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "vtpmd/settings.h"

static int load(const char *text, struct settings *s)
{
	struct error err = { 0 };
	json_t *json = json_loads(text, 0, NULL);
	int r;

	assert_non_null(json);
	r = settings_from_json(json, s, &err);
	json_decref(json);
	return r;
}

static bool same(const struct settings *a, const struct settings *b)
{
	return a->autostart == b->autostart && a->uid == b->uid &&
	       a->gid == b->gid && a->mode == b->mode &&
	       a->generation == b->generation && !strcmp(a->notes, b->notes) &&
	       !strcmp(a->cloned_from.name, b->cloned_from.name) &&
	       !strcmp(a->cloned_from.uuid, b->cloned_from.uuid) &&
	       !strcmp(a->cloned_from.mode, b->cloned_from.mode) &&
	       a->cloned_from.time == b->cloned_from.time;
}

static void test_round_trip(void **state)
{
	const struct settings in = {
		true,
		1234,
		5678,
		0640,
		7,
		"d\xc3\xa9j\xc3\xa0\n\"x\"",
		{ "web1", "4aa1f42b-3cf2-4096-a890-3883254c9c7c", "copy", 99 },
	};
	struct settings out = { 0 };
	struct error err = { 0 };
	json_t *json = settings_to_json(&in);

	(void)state;
	assert_int_equal(settings_from_json(json, &out, &err), 0);
	assert_true(same(&in, &out));
	json_decref(json);
	assert_int_equal(load("{}", &out), 0);
	assert_int_equal(out.mode, 0600);
	assert_int_equal(out.uid, 0);
	assert_false(out.autostart);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"{\"autostart\": 1}",
		"{\"uid\": -1}",
		"{\"uid\": 4294967295}",
		"{\"uid\": \"root\"}",
		"{\"gid\": 1.5}",
		"{\"gid\": 99999999999}",
		"{\"mode\": 511}",
		"{\"mode\": 2438}",
		"{\"mode\": \"0600\"}",
		"{\"notes\": 1}",
		"{\"generation\": -1}",
		"{\"clonedFrom\": 1}",
		"{\"clonedFrom\": {\"name\": \"a\"}}",
		"{\"clonedFrom\": {\"name\": \"a\", \"uuid\": \"u\", \"mode\": \"longer than any\", \"time\": -1}}",
	};
	struct settings s = { .autostart = true,
			      .uid = 1,
			      .gid = 2,
			      .mode = 0600,
			      .generation = 7 };
	struct settings before = s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(load(bad[i], &s) < 0);
		assert_true(same(&s, &before));
	}
}

static void test_owner(void **state)
{
	static const struct {
		const char *text;
		uint32_t uid, gid;
	} good[] = {
		{ "root", 0, 8 },    { "root:root", 0, 0 }, { ":root", 7, 0 },
		{ "1000", 1000, 8 }, { "5:6", 5, 6 },
	};
	static const char *const bad[] = {
		"",	      ":no such",     "no-such-user", "-1",
		"4294967295", "1:4294967296", "a:b:c",	      "1000:"
	};
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct settings s = { .uid = 7, .gid = 8 };

		assert_int_equal(settings_set_owner(&s, good[i].text, &err), 0);
		assert_int_equal(s.uid, good[i].uid);
		assert_int_equal(s.gid, good[i].gid);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct settings s = { .uid = 7, .gid = 8 };

		assert_true(settings_set_owner(&s, bad[i], &err) < 0);
		assert_int_equal(s.uid, 7);
		assert_int_equal(s.gid, 8);
	}
}

static void test_mode(void **state)
{
	static const char *const bad[] = { "",	    "8",    "0700", "1660",
					   "00660", "-600", "0x1b", "600 " };
	struct settings s = SETTINGS_DEFAULT;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(settings_set_mode(&s, "660", &err), 0);
	assert_int_equal(s.mode, 0660);
	assert_int_equal(settings_set_mode(&s, "0604", &err), 0);
	assert_int_equal(s.mode, 0604);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(settings_set_mode(&s, bad[i], &err) < 0);
	assert_int_equal(s.mode, 0604);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_mode),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
