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

static void expect_item(const struct wrapped_item *item, const char *key_id)
{
	assert_string_equal(item->key_id, key_id);
	assert_int_equal(item->context[15], 0x55);
	assert_int_equal(item->wrapped_len, 3);
	assert_memory_equal(item->wrapped, "\0\1\2", 3);
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
	assert_int_equal(r.n_items, 1);
	expect_item(&r.items[0], "k1");
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

/* An unwrap-many of @n items; k0 is the key of the first, and so on. */
static json_t *many(size_t n)
{
	json_t *json =
		json_pack("{s:i,s:s,s:s,s:{},s:[]}", "version", 1, "operation",
			  "unwrap-many", "provider", "host", "config", "items");
	json_t *items = json_object_get(json, "items");

	for (size_t i = 0; i < n; i++) {
		char id[16];

		snprintf(id, sizeof(id), "k%zu", i);
		json_array_append_new(
			items, json_pack("{s:s,s:s,s:s}", "key-id", id,
					 "context", UUID, "wrapped", "AAEC"));
	}
	return json;
}

static void test_items(void **state)
{
	json_t *json = many(PROVIDER_MAX_ITEMS);
	char *text = json_dumps(json, 0);
	struct request r;
	struct error err;

	(void)state;
	assert_int_equal(parse(text, &r, &err), 0);
	assert_int_equal(r.operation, OP_UNWRAP_MANY);
	assert_int_equal(r.n_items, PROVIDER_MAX_ITEMS);
	for (size_t i = 0; i < r.n_items; i++) {
		char id[16];

		snprintf(id, sizeof(id), "k%zu", i);
		expect_item(&r.items[i], id);
	}
	request_clear(&r);
	free(text);
	json_decref(json);
}

static void test_bad_items(void **state)
{
	static const char *const members[] = { "key-id", "context", "wrapped" };
	json_t *json = whole();

	(void)state;
	expect(many(1), NULL);
	expect(many(0), VTPM_ERR_INVALID);
	expect(many(PROVIDER_MAX_ITEMS + 1), VTPM_ERR_INVALID);
	/* Members of unwrap are none of unwrap-many. */
	json_object_set_new(json, "operation", json_string("unwrap-many"));
	expect(json, VTPM_ERR_INVALID);
	json = many(1);
	json_object_set_new(json, "items", json_string("items"));
	expect(json, VTPM_ERR_INVALID);
	json = many(3);
	json_array_set_new(json_object_get(json, "items"), 2, json_null());
	expect(json, VTPM_ERR_INVALID);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json = many(3);
		json_object_del(
			json_array_get(json_object_get(json, "items"), 2),
			members[i]);
		expect(json, VTPM_ERR_INVALID);
		json = many(3);
		json_object_set_new(
			json_array_get(json_object_get(json, "items"), 1),
			members[i], json_string("=x="));
		/* A key's id may be any text. */
		expect(json, i ? VTPM_ERR_INVALID : NULL);
	}
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
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_bad_items),
		cmocka_unit_test(test_not_json),
		cmocka_unit_test(test_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
