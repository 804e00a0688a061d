// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "keys/provider.h"

#define UUID "11111111-2222-4333-8444-555555555555"

/* A whole unwrap request; the tests take one member away or change it. */
static json_t *whole(void)
{
	return json_pack("{s:i,s:s,s:s,s:{},s:s,s:s,s:s}", "version", 1,
			 "operation", "unwrap", "provider", "host", "config",
			 "key-id", "k1", "context", UUID, "wrapped", "AAEC");
}

static int parse(const char *text, struct request *r, struct error *err)
{
	*err = (struct error){ 0 };
	return request_parse(text, strlen(text), r, err);
}

static void expect(json_t *json, const char *code)
{
	char *text = json_dumps(json, 0);
	struct request r;
	struct error err;
	int e = parse(text, &r, &err);

	if (code) {
		assert_true(e < 0);
		assert_string_equal(err.code, code);
	} else {
		assert_int_equal(e, 0);
	}
	request_clear(&r);
	free(text);
	json_decref(json);
}

static void test_whole(void **state)
{
	json_t *json = whole();
	char *text = json_dumps(json, 0);
	struct request r;
	struct error err;

	(void)state;
	assert_int_equal(parse(text, &r, &err), 0);
	assert_int_equal(r.operation, OP_UNWRAP);
	assert_string_equal(r.key_id, "k1");
	assert_int_equal(r.context[15], 0x55);
	assert_int_equal(r.wrapped_len, 3);
	assert_memory_equal(r.wrapped, "\0\1\2", 3);
	request_clear(&r);
	free(text);
	json_decref(json);
}

static void test_missing_and_wrong(void **state)
{
	static const char *const members[] = { "version",  "operation",
					       "provider", "config",
					       "key-id",   "context",
					       "wrapped" };

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *json = whole();

		json_object_del(json, members[i]);
		expect(json, VTPM_ERR_INVALID);
		json = whole();
		json_object_set_new(json, members[i], json_true());
		expect(json, VTPM_ERR_INVALID);
		json = whole();
		json_object_set_new(json, members[i], json_string(""));
		expect(json, VTPM_ERR_INVALID);
		json = whole();
		json_object_set_new(json, members[i], json_null());
		expect(json, VTPM_ERR_INVALID);
	}
	expect(whole(), NULL);
}

static void set(const char *member, const char *value, const char *code)
{
	json_t *json = whole();

	json_object_set_new(json, member, json_string(value));
	expect(json, code);
}

static void test_limits(void **state)
{
	char text[3000];
	json_t *json;

	(void)state;
	memset(text, 'A', sizeof(text));
	text[PROVIDER_MAX_KEY_ID + 1] = '\0';
	set("key-id", text, VTPM_ERR_INVALID);
	text[PROVIDER_MAX_KEY_ID] = '\0';
	set("key-id", text, NULL);
	memset(text, 'A', sizeof(text));
	text[2736] = '\0'; /* 2052 bytes */
	set("wrapped", text, VTPM_ERR_INVALID);
	text[2728] = '\0'; /* 2046 bytes */
	set("wrapped", text, NULL);
	set("wrapped", "A===", VTPM_ERR_INVALID);
	set("wrapped", "AA A", VTPM_ERR_INVALID);
	set("context", "11111111-2222-4333-8444-55555555555", VTPM_ERR_INVALID);
	set("provider", "../host", VTPM_ERR_INVALID);
	set("operation", "destroy", VTPM_ERR_NOT_SUPPORTED);
	json = whole();
	json_object_set_new(json, "version", json_integer(2));
	expect(json, VTPM_ERR_INVALID);
	/* What a later version adds is not our concern. */
	set("later", "x", NULL);
}

static void test_not_json(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"[]",
		"1",
		"{",
		"{}",
		"{} {}",
		"nonsense",
		("{\"version\":1,\"version\":1,\"operation\":\"info\","
		 "\"provider\":\"p\",\"config\":{}}"),
		("{\"version\":1,\"operation\":\"info\","
		 "\"provider\":\"p\\u0000\",\"config\":{}}"),
	};
	static char huge[PROVIDER_MAX_REQUEST + 1];
	struct request r;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i], &r, &err), -EINVAL);
		assert_string_equal(err.code, VTPM_ERR_INVALID);
		request_clear(&r);
	}
	/* Right but for its length. */
	snprintf(huge, sizeof(huge),
		 "{\"version\":1,\"operation\":\"info\",\"provider\":\"p\","
		 "\"config\":{}}");
	memset(huge + strlen(huge), ' ', sizeof(huge) - strlen(huge));
	assert_int_equal(request_parse(huge, sizeof(huge), &r, &err), -EINVAL);
	request_clear(&r);
	assert_int_equal(request_parse(huge, sizeof(huge) - 1, &r, &err), 0);
	request_clear(&r);
}

static void test_secret(void **state)
{
	struct request r = { .operation = OP_WRAP };
	int fd = memfd_create("secret", MFD_CLOEXEC);
	char bytes[PROVIDER_MAX_DATA_KEY + 1] = { 0 };
	struct error err;

	(void)state;
	assert_int_equal(request_read_secret(&r, fd, &err), -EINVAL);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(request_read_secret(&r, fd, &err), -EINVAL);
	assert_int_equal(lseek(fd, 1, SEEK_SET), 1);
	assert_int_equal(request_read_secret(&r, fd, &err), 0);
	assert_int_equal(r.secret->len, PROVIDER_MAX_DATA_KEY);
	request_clear(&r);
	r.operation = OP_INFO;
	assert_int_equal(request_read_secret(&r, -1, &err), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_missing_and_wrong),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_not_json),
		cmocka_unit_test(test_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
