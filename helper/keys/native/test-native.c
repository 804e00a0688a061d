// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "keys/native/native.h"
#include "util/testing/tree.h"

static char dir_name[] = "/tmp/vtpm-test-native-XXXXXX";

static struct native_key new_key(uint64_t created)
{
	struct native_key k = { .created = created,
				.secret = secret_random(NATIVE_KEY_LEN) };

	uuid_new(k.id);
	return k;
}

static void test_wrap(void **state)
{
	struct native_key a = new_key(1), b = new_key(2);
	struct secret *plain = secret_random(32), *out = NULL;
	uint8_t one[32 + NATIVE_WRAP_OVERHEAD], two[sizeof(one)];
	uint8_t context[UUID_LEN] = { 1 }, other[UUID_LEN] = { 2 };
	struct error err;

	(void)state;
	assert_int_equal(native_wrap(&a, context, plain, one, &err), 0);
	assert_int_equal(native_wrap(&a, context, plain, two, &err), 0);
	assert_memory_not_equal(one, two, sizeof(one));
	assert_int_equal(
		native_unwrap(&a, context, one, sizeof(one), &out, &err), 0);
	assert_int_equal(out->len, 32);
	assert_memory_equal(out->data, plain->data, 32);
	secret_free(out);
	out = NULL;
	assert_int_equal(native_unwrap(&a, other, one, sizeof(one), &out, &err),
			 -EKEYREJECTED);
	assert_int_equal(
		native_unwrap(&b, context, one, sizeof(one), &out, &err),
		-EKEYREJECTED);
	/* The id is bound as well, not only the key. */
	b.id[0] = a.id[0] ^ 1;
	memcpy(b.secret->data, a.secret->data, NATIVE_KEY_LEN);
	assert_int_equal(
		native_unwrap(&b, context, one, sizeof(one), &out, &err),
		-EKEYREJECTED);
	for (size_t i = 0; i < sizeof(one); i++) {
		one[i] ^= 4;
		assert_int_equal(native_unwrap(&a, context, one, sizeof(one),
					       &out, &err),
				 -EKEYREJECTED);
		assert_string_equal(err.code, VTPM_ERR_KEY_WRONG);
		one[i] ^= 4;
		assert_int_equal(native_unwrap(&a, context, one, i, &out, &err),
				 -EKEYREJECTED);
	}
	assert_null(out);
	secret_free(plain);
	secret_free(a.secret);
	secret_free(b.secret);
}

static void test_store(void **state)
{
	struct native_key a = new_key(2000), b = new_key(1000);
	struct native_keys *k = NULL;
	char name[UUID_TEXT_LEN + 4];
	struct error err;
	struct stat st;
	int dir = open(dir_name, O_RDONLY | O_DIRECTORY), fd;

	(void)state;
	assert_int_equal(native_load(dir, &k, &err), 0);
	assert_int_equal(k->count, 0);
	assert_null(native_active(k));
	native_keys_free(k);
	b.backed_up = true;
	assert_int_equal(native_store(dir, &a, &err), 0);
	assert_int_equal(native_store(dir, &b, &err), 0);
	assert_int_equal(native_set_active(dir, b.id, &err), 0);
	/* As a write that was cut leaves it; and a stranger. */
	close(openat(dir, ".new", O_CREAT | O_WRONLY, 0600));
	close(openat(dir, "notes.key", O_CREAT | O_WRONLY, 0600));
	assert_int_equal(native_load(dir, &k, &err), 0);
	assert_int_equal(k->count, 2);
	assert_memory_equal(k->key[0].id, b.id, UUID_LEN);
	assert_true(k->key[0].backed_up && k->key[0].active);
	assert_false(k->key[1].backed_up || k->key[1].active);
	assert_int_equal(k->key[1].created, 2000);
	assert_memory_equal(k->key[1].secret->data, a.secret->data,
			    NATIVE_KEY_LEN);
	assert_int_equal(faccessat(dir, ".new", F_OK, 0), -1);
	native_keys_free(k);

	/* Any byte of a key file. */
	uuid_format(a.id, name);
	snprintf(name + UUID_TEXT_LEN - 1, sizeof(name) - UUID_TEXT_LEN + 1,
		 ".key");
	fd = openat(dir, name, O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	for (off_t i = 0; i < st.st_size; i++) {
		uint8_t byte;

		assert_int_equal(pread(fd, &byte, 1, i), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
		assert_true(native_load(dir, &k, &err) < 0);
		assert_non_null(strstr(err.text, name));
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
	}
	assert_int_equal(native_load(dir, &k, &err), 0);
	native_keys_free(k);
	close(fd);
	close(dir);
	secret_free(a.secret);
	secret_free(b.secret);
}

static struct secret *password(const char *text)
{
	struct secret *s = secret_new(strlen(text));

	memcpy(s->data, text, s->len);
	return s;
}

static void test_backup(void **state)
{
	struct secret *right = password("correct horse");
	struct secret *wrong = password("correct horsf");
	struct secret *shorter = password("1234567");
	struct native_keys *k = calloc(1, sizeof(*k)), *back = NULL;
	struct error err;
	uint8_t *doc;
	size_t len;

	(void)state;
	k->key[0] = new_key(1700000000);
	k->key[1] = new_key(1800000000);
	k->key[1].active = true;
	k->count = 2;
	assert_int_equal(native_export(k, shorter, &doc, &len, &err), -EINVAL);
	assert_int_equal(native_export(k, right, &doc, &len, &err), 0);
	assert_int_equal(native_import(doc, len, wrong, &back, &err), -EACCES);
	assert_string_equal(err.code, VTPM_ERR_PASSWORD);
	assert_int_equal(native_import(doc, len, right, &back, &err), 0);
	assert_int_equal(back->count, 2);
	for (int i = 0; i < 2; i++) {
		struct native_key *key = native_find(back, k->key[i].id);

		assert_non_null(key);
		assert_memory_equal(key->secret->data, k->key[i].secret->data,
				    NATIVE_KEY_LEN);
		assert_int_equal(key->created, k->key[i].created);
		assert_int_equal(key->active, i == 1);
		assert_true(key->backed_up);
	}
	native_keys_free(back);
	back = NULL;
	/* Short by one byte, long by none of its own. */
	assert_int_equal(native_import(doc, len - 1, right, &back, &err),
			 -EINVAL);
	doc[len - 40] ^= 1;
	assert_true(native_import(doc, len, right, &back, &err) < 0);
	assert_null(back);
	free(doc);
	native_keys_free(k);
	secret_free(right);
	secret_free(wrong);
	secret_free(shorter);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir_name) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return tree_remove(dir_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_backup),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
