// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keys/key-cache.h"

/* A key that is its id, or none of that begins with "no". */
static int fetch(void *arg, const char *id, struct secret **out,
		 struct error *err)
{
	++*(int *)arg;
	if (!strncmp(id, "no", 2))
		return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING, "%s", id);
	*out = secret_new(strlen(id));
	memcpy((*out)->data, id, strlen(id));
	return 0;
}

static void once(void **state)
{
	static const char *const ids[] = { "a",	  "no", "b", "a",
					   "no2", "no", "b", "no2" };
	struct key_cache c = { 0 };
	int fetched = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		const struct secret *key = NULL;
		struct error err = { 0 };
		int r = key_cache_get(&c, ids[i], fetch, &fetched, &key, &err);

		if (ids[i][0] == 'n') {
			assert_int_equal(r, -ENOKEY);
			assert_string_equal(err.text, ids[i]);
			assert_null(key);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(key->len, strlen(ids[i]));
		assert_memory_equal(key->data, ids[i], key->len);
	}
	assert_int_equal(fetched, 4);
	key_cache_clear(&c);
	assert_int_equal(key_cache_get(&c, "a", fetch, &fetched, NULL, NULL),
			 0);
	assert_int_equal(fetched, 5);
	key_cache_clear(&c);
	key_cache_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
