// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/json.h"
#include "vtpmd/identity.h"

/* "abc", and SHA-256 of that by FIPS 180-2, B.1. */
#define ABC "YWJj"
#define ABC_DIGEST \
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static json_t *new_facts(void)
{
	return json_pack("{s:{}, s:[{s:s, s:s}, {s:s, s:s}]}", "tpm", "keys",
			 "type", "rsa2048", "public", ABC, "type", "p256",
			 "public", "AAAA");
}

static void find(void **state)
{
	json_t *f = new_facts();

	(void)state;
	assert_string_equal(
		json_member(facts_key(f, ek_type_find("p256")), "public"),
		"AAAA");
	assert_null(facts_key(f, ek_type_find("p384")));
	assert_null(facts_key(NULL, 0));
	json_decref(f);
}

static void digests(void **state)
{
	json_t *f = new_facts(), *list = facts_summary(f);
	const json_t *first = json_array_get(list, 0);

	(void)state;
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_member(first, "digest"), ABC_DIGEST);
	assert_true(json_is_false(json_object_get(first, "certified")));
	assert_null(json_object_get(first, "notAfter"));
	json_decref(list);
	json_decref(f);
	list = facts_summary(NULL);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

static int add(json_t *f, const char *type, const char *cert, json_t *chain)
{
	json_t *c = json_pack("{s:s, s:s, s:s}", "type", type, "certificate",
			      cert, "notAfter", "9999");
	int r = facts_add_certificate(f, c, chain, "ca");

	json_decref(c);
	json_decref(chain);
	return r;
}

static void certificates(void **state)
{
	json_t *f = new_facts(), *out;
	const json_t *key;

	(void)state;
	assert_int_equal(add(f, "p384", "AAAA", NULL), -EINVAL);
	assert_int_equal(add(f, "nothing", "AAAA", NULL), -EINVAL);
	assert_int_equal(add(f, "p256", "", NULL), -EINVAL);
	assert_int_equal(add(f, "rsa2048", "AAAA", json_pack("[ss]", "x", "y")),
			 0);
	/* What both chains have is there once. */
	assert_int_equal(add(f, "p256", "BBBB", json_pack("[ss]", "z", "y")),
			 0);
	out = facts_to_json(f, "a");
	assert_int_equal(json_array_size(json_object_get(out, "chain")), 3);
	key = json_array_get(json_object_get(out, "keys"), 1);
	assert_string_equal(json_member(key, "certificate"), "BBBB");
	assert_string_equal(json_member(key, "issuedBy"), "ca");
	assert_string_equal(json_member(out, "name"), "a");
	json_decref(out);
	json_decref(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find),
		cmocka_unit_test(digests),
		cmocka_unit_test(certificates),
	};

	return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
