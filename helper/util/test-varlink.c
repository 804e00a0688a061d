// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/varlink.h"

#define ADD(in, text) varlink_input_add(in, text, sizeof(text))

static void whole_and_in_pieces(void **state)
{
	static const char text[] = "{\"method\":\"a.B\"}\0{\"x\":1}";
	struct varlink_input in = { 0 };
	json_t *msg = NULL;

	(void)state;
	/* The second one's NUL is the literal's own. */
	for (size_t i = 0; i < sizeof(text); i++) {
		int r = varlink_input_next(&in, &msg);

		assert_int_equal(r, i == 17);
		if (r) {
			assert_string_equal(json_string_value(json_object_get(
						    msg, "method")),
					    "a.B");
			json_decref(msg);
		}
		assert_int_equal(varlink_input_add(&in, text + i, 1), 0);
	}
	assert_int_equal(varlink_input_next(&in, &msg), 1);
	assert_int_equal(json_integer_value(json_object_get(msg, "x")), 1);
	json_decref(msg);
	assert_int_equal(varlink_input_next(&in, &msg), 0);
	varlink_input_deinit(&in);
}

static void several_at_once(void **state)
{
	static const char text[] = "{\"n\":0}\0{\"n\":1}\0{\"n\":2}\0{";
	struct varlink_input in = { 0 };
	json_t *msg = NULL;

	(void)state;
	assert_int_equal(varlink_input_add(&in, text, sizeof(text) - 1), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(varlink_input_next(&in, &msg), 1);
		assert_int_equal(json_integer_value(json_object_get(msg, "n")),
				 i);
		json_decref(msg);
	}
	assert_int_equal(varlink_input_next(&in, &msg), 0);
	assert_int_equal(in.len, 1);
	varlink_input_deinit(&in);
}

static void bad_messages(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"[]",
		"1",
		"null",
		"\"x\"",
		"{",
		"{}{}",
		"{} x",
		"{\"a\":1,\"a\":2}",
		"{\"a\":\"\\u0000\"}",
		"{\"a\":\"\xff\"}",
		"{\"a\":\"\xed\xa0\x80\"}",
		"{'a':1}",
		"{\"a\":01}",
		"{\"a\":1e999}",
		"\xef\xbb\xbf{}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct varlink_input in = { 0 };
		json_t *msg = NULL;

		assert_int_equal(
			varlink_input_add(&in, bad[i], strlen(bad[i]) + 1), 0);
		if (varlink_input_next(&in, &msg) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
		assert_null(msg);
		varlink_input_deinit(&in);
	}
}

/* The longest message that is allowed, and one byte more. */
static void length_limit(void **state)
{
	char *text = malloc(VARLINK_MAX_MESSAGE + 2);
	size_t len = VARLINK_MAX_MESSAGE;

	(void)state;
	for (int extra = 0; extra < 2; extra++, len++) {
		struct varlink_input in = { 0 };
		json_t *msg = NULL;
		size_t half = len / 2;

		memset(text, ' ', len);
		memcpy(text, "{}", 2);
		text[len] = '\0';
		assert_int_equal(varlink_input_add(&in, text, half), 0);
		assert_int_equal(varlink_input_next(&in, &msg), 0);
		assert_int_equal(
			varlink_input_add(&in, text + half, len + 1 - half),
			extra ? -EMSGSIZE : 0);
		if (!extra) {
			assert_int_equal(varlink_input_next(&in, &msg), 1);
			json_decref(msg);
		}
		varlink_input_deinit(&in);
	}
	free(text);
}

static void no_end(void **state)
{
	struct varlink_input in = { 0 };
	char piece[4096];
	size_t total = 0;
	int r;

	(void)state;
	memset(piece, ' ', sizeof(piece));
	do {
		r = varlink_input_add(&in, piece, sizeof(piece));
		total += sizeof(piece);
	} while (!r && total < 4 * VARLINK_MAX_MESSAGE);
	assert_int_equal(r, -EMSGSIZE);
	assert_true(total <= VARLINK_MAX_MESSAGE + sizeof(piece));
	varlink_input_deinit(&in);
}

static int parse_call(const char *text, struct varlink_call *call,
		      json_t **keep)
{
	*keep = json_loads(text, 0, NULL);
	assert_non_null(*keep);
	return varlink_call_parse(*keep, call);
}

static void calls(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"method\":1}",
		"{\"method\":null}",
		"{\"method\":\"a.B\",\"parameters\":[]}",
		"{\"method\":\"a.B\",\"parameters\":null}",
		"{\"method\":\"a.B\",\"more\":1}",
		"{\"method\":\"a.B\",\"oneway\":\"yes\"}",
		"{\"method\":\"a.B\",\"upgrade\":null}",
		"{\"method\":\"a.B\",\"more\":true,\"oneway\":true}",
	};
	struct varlink_call call = { .method = "untouched" };
	json_t *msg;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse_call(bad[i], &call, &msg) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
		assert_string_equal(call.method, "untouched");
		json_decref(msg);
	}
	assert_int_equal(parse_call("{\"method\":\"a.B\",\"more\":true,"
				    "\"parameters\":{\"x\":1}}",
				    &call, &msg),
			 0);
	assert_string_equal(call.method, "a.B");
	assert_true(call.more && !call.oneway && !call.upgrade);
	assert_int_equal(json_object_size(call.parameters), 1);
	json_decref(msg);
}

static void replies(void **state)
{
	static const char *const bad[] = {
		"{\"error\":1}",
		"{\"error\":null}",
		"{\"parameters\":1}",
		"{\"continues\":\"x\"}",
	};
	struct varlink_reply reply;
	json_t *msg;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		msg = json_loads(bad[i], 0, NULL);
		if (varlink_reply_parse(msg, &reply) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
		json_decref(msg);
	}
	msg = json_loads("{\"continues\":true}", 0, NULL);
	assert_int_equal(varlink_reply_parse(msg, &reply), 0);
	assert_true(reply.continues && !reply.error && !reply.parameters);
	json_decref(msg);
}

static void format(void **state)
{
	json_t *msg = json_pack("{s:s}", "method", "a.B"), *big;
	char *text, *filler = malloc(VARLINK_MAX_MESSAGE + 1);
	size_t len = 0;

	(void)state;
	text = varlink_format(msg, &len);
	assert_string_equal(text, "{\"method\":\"a.B\"}");
	assert_int_equal(len, strlen(text) + 1);
	free(text);
	json_decref(msg);
	memset(filler, 'a', VARLINK_MAX_MESSAGE);
	filler[VARLINK_MAX_MESSAGE] = '\0';
	big = json_pack("{s:s}", "a", filler);
	assert_null(varlink_format(big, &len));
	json_decref(big);
	free(filler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_and_in_pieces),
		cmocka_unit_test(several_at_once),
		cmocka_unit_test(bad_messages),
		cmocka_unit_test(length_limit),
		cmocka_unit_test(no_end),
		cmocka_unit_test(calls),
		cmocka_unit_test(replies),
		cmocka_unit_test(format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
