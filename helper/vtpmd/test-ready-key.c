// SPDX-License-Identifier: GPL-2.0-or-later
/* Data keys that were asked for ahead, and the replies that they come from. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vtpmd/provider.h"
#include "vtpmd/ready-key.h"

static struct nvram_info file(void)
{
	struct nvram_info info = {
		.uuid = { 1, 2, 3 },
		.n_wraps = 1,
		.wrap[0] = { .provider = "one",
			     .key_id = "k",
			     .len = 3,
			     .data = "abc" },
	};

	return info;
}

static struct ready_key *key_of(const struct nvram_info *info)
{
	struct ready_key *k = calloc(1, sizeof(*k));

	memcpy(k->uuid, info->uuid, UUID_LEN);
	k->wrap = info->wrap[0];
	k->key = secret_random(NVRAM_KEY_LEN);
	return k;
}

static void of_the_same_file(void **state)
{
	struct nvram_info info = file();
	struct ready_key *k = key_of(&info);
	struct secret *key = k->key, *got = ready_key_take(k, &info);

	(void)state;
	assert_ptr_equal(got, key);
	/* It is used once. */
	assert_null(ready_key_take(k, &info));
	secret_free(got);
	ready_key_free(k);
	assert_null(ready_key_take(NULL, &info));
	ready_key_free(NULL);
}

/* Change one thing of the file; the key is not for it any more. */
static void refused(void (*change)(struct nvram_info *info))
{
	struct nvram_info info = file();
	struct ready_key *k = key_of(&info);

	change(&info);
	assert_null(ready_key_take(k, &info));
	/* Wiped, not kept for another try. */
	assert_null(k->key);
	ready_key_free(k);
}

static void uuid(struct nvram_info *info)
{
	info->uuid[UUID_LEN - 1] = 1;
}

static void provider(struct nvram_info *info)
{
	strcpy(info->wrap[0].provider, "two");
}

static void key_id(struct nvram_info *info)
{
	strcpy(info->wrap[0].key_id, "k2");
}

static void length(struct nvram_info *info)
{
	info->wrap[0].len = 2;
}

static void wrapped(struct nvram_info *info)
{
	info->wrap[0].data[2] ^= 1;
}

static void no_wraps(struct nvram_info *info)
{
	info->n_wraps = 0;
}

static void moved(struct nvram_info *info)
{
	info->wrap[1] = info->wrap[0];
	strcpy(info->wrap[0].provider, "first");
	info->n_wraps = 2;
}

static void of_another(void **state)
{
	(void)state;
	refused(uuid);
	refused(provider);
	refused(key_id);
	refused(length);
	refused(wrapped);
	refused(no_wraps);
	refused(moved);
}

static int parse(const char *text, size_t n, bool *opened)
{
	json_t *reply = json_loads(text, 0, NULL);
	struct error err = { 0 };
	int r = provider_parse_results("p", reply, n, opened, &err);

	if (r) {
		assert_int_equal(r, -EPROTO);
		assert_string_equal(err.code, VTPM_ERR_PROVIDER);
	}
	json_decref(reply);
	return r;
}

static void results(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"results\": {}}",
		"{\"results\": []}",
		"{\"results\": [{\"ok\": true, \"length\": 32}]}",
		"{\"results\": [{\"ok\": false}, {\"ok\": false}, {\"ok\": false}]}",
		"{\"results\": [{\"ok\": true, \"length\": 32}, 7]}",
		"{\"results\": [{\"ok\": true, \"length\": 32}, {\"ok\": 1}]}",
		"{\"results\": [{\"ok\": false}, {\"ok\": true}]}",
		"{\"results\": [{\"ok\": false}, {\"ok\": true, \"length\": 31}]}",
		"{\"results\": [{\"ok\": false}, {\"ok\": true, \"length\": -32}]}",
		"{\"results\": [{\"ok\": false}, {\"ok\": true, \"length\": \"32\"}]}",
	};
	bool opened[3] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(parse(bad[i], 2, opened) < 0);
	assert_int_equal(parse("{\"results\": [{\"ok\": false}, "
			       "{\"ok\": true, \"length\": 32}]}",
			       2, opened),
			 0);
	assert_false(opened[0]);
	assert_true(opened[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_same_file),
		cmocka_unit_test(of_another),
		cmocka_unit_test(results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
