// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/io.h"
#include "util/json.h"

static int read_text(const char *text, size_t max, json_t **out)
{
	int fd = memfd_create("test", 0), r;

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, text, strlen(text)), 0);
	lseek(fd, 0, SEEK_SET);
	r = json_read_object(fd, max, out);
	close(fd);
	return r;
}

static void objects_alone(void **state)
{
	static const char *const bad[] = {
		"", "[]", "1", "{", "{}{}", "{\"a\": 1, \"a\": 2}", "\"x\"",
	};
	json_t *json = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_text(bad[i], 100, &json), -EBADMSG);
		assert_null(json);
	}
	assert_int_equal(read_text("{\"a\": \"b\"}\n", 100, &json), 0);
	assert_string_equal(json_member(json, "a"), "b");
	assert_string_equal(json_member(json, "b"), "");
	json_decref(json);
}

static void limit(void **state)
{
	char text[40000];
	json_t *json = NULL;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "{}", 2);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(read_text(text, sizeof(text) - 2, &json), -E2BIG);
	assert_int_equal(read_text(text, sizeof(text) - 1, &json), 0);
	json_decref(json);
}

static void there_and_back(void **state)
{
	json_t *json = json_pack("{s:i}", "n", 5), *back = NULL;
	int fd = -1;

	(void)state;
	assert_int_equal(json_memfd(json, &fd), 0);
	assert_int_equal(json_read_object(fd, 100, &back), 0);
	assert_true(json_equal(json, back));
	close(fd);
	json_decref(json);
	json_decref(back);
}

static void bytes(void **state)
{
	json_t *json = json_pack("{s:o, s:s, s:s, s:i}", "a",
				 json_bytes("\0\1\2\3", 4), "empty", "", "bad",
				 "x", "number", 7);
	uint8_t *data = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(json_get_bytes(json, "a", 4, &data, &len), 0);
	assert_int_equal(len, 4);
	assert_memory_equal(data, "\0\1\2\3", 4);
	free(data);
	assert_int_equal(json_get_bytes(json, "a", 3, &data, &len), -EINVAL);
	assert_int_equal(json_get_bytes(json, "empty", 4, &data, &len),
			 -EINVAL);
	assert_int_equal(json_get_bytes(json, "bad", 4, &data, &len), -EINVAL);
	assert_int_equal(json_get_bytes(json, "number", 4, &data, &len),
			 -EINVAL);
	assert_int_equal(json_get_bytes(json, "none", 4, &data, &len), -EINVAL);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_alone),
		cmocka_unit_test(limit),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(bytes),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
