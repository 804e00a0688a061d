// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * State files that swtpm has made, and what is not one. Run from the top of the
 * tree, or with VTPM_VECTORS set to the directory of vectors.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>

#include "swtpm/cipher.h"
#include "swtpm/key.h"
#include "swtpm/state.h"
#include "util/text.h"

#define FILE_MAX (16 * 1024)

struct vector {
	const char *name;
	uint8_t file[FILE_MAX];
	size_t len;
	struct secret *key; /* NULL: plain */
	size_t state_len;
	const char *sha256;
};

static json_t *list;

static const char *path_of(const char *name)
{
	const char *dir = getenv("VTPM_VECTORS");
	static char path[256];

	snprintf(path, sizeof(path), "%s/swtpm/%s",
		 dir ? dir : "tools/testing/vectors", name);
	return path;
}

static int load_list(void **state)
{
	(void)state;
	list = json_load_file(path_of("vectors.json"), 0, NULL);
	return secret_init(NULL) || !json_object_size(list);
}

static int free_list(void **state)
{
	(void)state;
	json_decref(list);
	return 0;
}

static struct secret *bytes_of(const char *hex)
{
	struct secret *s = secret_new(strlen(hex) / 2);

	for (size_t i = 0; i < s->len; i++) {
		const char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };

		s->data[i] = strtoul(digits, NULL, 16);
	}
	return s;
}

static void make_key(struct vector *v, const char *form, const char *hex)
{
	static const char *const forms[] = { "hex", "binary", "pbkdf2",
					     "sha512" };
	struct secret *file = bytes_of(hex);
	size_t len = strstr(v->name, "256") ? 32 : 16;
	struct error err = { 0 };

	for (int i = 0; i < 4; i++) {
		if (!strcmp(form, forms[i]) &&
		    swtpm_key(file, i, i < 2 ? 0 : len, &v->key, &err))
			fail_msg("%s", err.text);
	}
	assert_true(!v->key == !strcmp(form, "plain"));
	assert_true(!v->key || v->key->len == len);
	secret_free(file);
}

static void load(const char *name, struct vector *v)
{
	const json_t *j = json_object_get(list, name);
	int fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0 && j);
	n = read(fd, v->file, FILE_MAX);
	assert_true(n > 1000 && n < FILE_MAX);
	close(fd);
	v->name = name;
	v->len = n;
	v->key = NULL;
	v->state_len = json_integer_value(json_object_get(j, "length"));
	v->sha256 = json_string_value(json_object_get(j, "sha256"));
	make_key(v, json_string_value(json_object_get(j, "form")),
		 json_string_value(json_object_get(j, "key")));
}

static void is_state(const struct vector *v, const struct swtpm_bytes *state)
{
	unsigned char md[32];
	char hex[65];

	assert_int_equal(state->len, v->state_len);
	EVP_Digest(state->data, state->len, md, NULL, EVP_sha256(), NULL);
	hex_format(md, sizeof(md), hex);
	assert_string_equal(hex, v->sha256);
}

static struct swtpm_bytes *decode(const struct vector *v)
{
	struct swtpm_bytes *state = NULL;
	struct error err = { 0 };

	if (swtpm_state_decode(v->file, v->len, v->key, &state, &err))
		fail_msg("%s: %s", v->name, err.text);
	return state;
}

static void refused(const struct vector *v, const char *code)
{
	struct swtpm_bytes *state = NULL;
	struct error err = { 0 };

	assert_true(swtpm_state_decode(v->file, v->len, v->key, &state, &err) <
		    0);
	assert_null(state);
	assert_string_equal(err.code, code);
}

/* What swtpm has written, of each version and with each kind of key. */
static void test_vectors(void **state)
{
	static struct vector v;
	const char *name;
	json_t *j;

	(void)state;
	assert_true(json_object_size(list) >= 18);
	json_object_foreach(list, name, j) {
		struct swtpm_bytes *s;
		struct error err = { 0 };
		size_t key_len;

		load(name, &v);
		assert_int_equal(
			swtpm_state_key_len(v.file, v.len, &key_len, &err), 0);
		assert_int_equal(key_len, v.key ? v.key->len : 0);
		s = decode(&v);
		is_state(&v, s);
		swtpm_bytes_free(s);
		secret_free(v.key);
	}
}

/* The file that we make is like theirs, but for the random IV. */
static void test_encode(void **state)
{
	static struct vector v;
	const char *name;
	json_t *j;

	(void)state;
	json_object_foreach(list, name, j) {
		struct swtpm_bytes *s, *file = NULL;
		struct error err = { 0 };

		load(name, &v);
		s = decode(&v);
		assert_int_equal(
			swtpm_state_encode(s->data, s->len, v.key, &file, &err),
			0);
		swtpm_bytes_free(s);
		assert_int_equal(file->len, v.len);
		/* All of the header, and the first field's. */
		assert_memory_equal(file->data, v.file, 16);
		if (v.key)
			assert_memory_not_equal(file->data, v.file, v.len);
		else
			assert_memory_equal(file->data, v.file, v.len);
		memcpy(v.file, file->data, v.len);
		s = decode(&v);
		is_state(&v, s);
		swtpm_bytes_free(s);
		swtpm_bytes_free(file);
		secret_free(v.key);
	}
}

static void test_padding_lengths(void **state)
{
	static const uint8_t data[100] = { 1, 2, 3 };

	(void)state;
	for (size_t key_len = 16; key_len <= 32; key_len += 16) {
		struct secret *key = secret_random(key_len);

		for (size_t len = 1; len < sizeof(data); len++) {
			struct swtpm_bytes *file, *back;
			struct error err = { 0 };

			assert_int_equal(
				swtpm_state_encode(data, len, key, &file, &err),
				0);
			assert_int_equal(swtpm_state_decode(file->data,
							    file->len, key,
							    &back, &err),
					 0);
			assert_int_equal(back->len, len);
			assert_memory_equal(back->data, data, len);
			swtpm_bytes_free(file);
			swtpm_bytes_free(back);
		}
		secret_free(key);
	}
}

static void test_cut_short(void **state)
{
	static const char *const names[] = { "0.7.1-plain.permall",
					     "0.10.2-aes256-hex.permall" };
	static struct vector v;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		load(names[i], &v);
		for (v.len--; v.len; v.len--) {
			refused(&v, VTPM_ERR_CORRUPT);
			/* Also where the header says that this were all. */
			if (v.len < 10)
				continue;
			v.file[8] = v.len >> 8;
			v.file[9] = v.len & 255;
			/* Without its IV it is another file. */
			refused(&v, v.key && v.len == 10 + 3 * 6 + 4416 + 32 - 6
					    ? VTPM_ERR_KEY_WRONG
					    : VTPM_ERR_CORRUPT);
		}
		secret_free(v.key);
	}
}

/* One bit anywhere: refused, or the state is the one that it is. */
static void test_changed(void **state)
{
	static struct vector v;
	size_t accepted = 0;

	(void)state;
	load("0.7.1-aes128-hex.permall", &v);
	for (size_t bit = 0; bit < 8 * v.len; bit++) {
		struct swtpm_bytes *s = NULL;

		v.file[bit / 8] ^= 1 << bit % 8;
		if (!swtpm_state_decode(v.file, v.len, v.key, &s, NULL)) {
			is_state(&v, s);
			accepted++;
		}
		swtpm_bytes_free(s);
		v.file[bit / 8] ^= 1 << bit % 8;
	}
	/* A header of a later version, or with flags that are not known yet. */
	assert_in_range(accepted, 1, 30);
	secret_free(v.key);
}

static void test_keys_that_do_not_fit(void **state)
{
	static struct vector v;
	struct swtpm_bytes *s = NULL;
	struct error err = { 0 };

	(void)state;
	load("0.7.1-aes128-hex.permall", &v);
	v.key->data[3] ^= 1;
	refused(&v, VTPM_ERR_KEY_WRONG);
	secret_free(v.key);
	v.key = secret_random(32);
	refused(&v, VTPM_ERR_KEY_WRONG);
	assert_int_equal(swtpm_state_decode(v.file, v.len, v.key, &s, &err),
			 -EKEYREJECTED);
	assert_non_null(strstr(err.text, "128 bits, and one of 256"));
	secret_free(v.key);
	v.key = NULL;
	refused(&v, VTPM_ERR_KEY_WRONG);
	load("0.7.1-plain.permall", &v);
	v.key = secret_random(16);
	refused(&v, VTPM_ERR_KEY_WRONG);
	secret_free(v.key);
}

static void test_other_files(void **state)
{
	static struct vector v, w;

	(void)state;
	load("0.7.1-plain.permall", &v);
	w = v;
	w.file[1] = 3;
	refused(&w, VTPM_ERR_VERSION); /* a newer one, by its own word */
	w = v;
	w.file[0] = 1;
	refused(&w, VTPM_ERR_VERSION); /* one without fields */
	w = v;
	w.file[5] = SWTPM_FLAG_MIGRATION_DATA;
	refused(&w, VTPM_ERR_VERSION);
	w.file[5] = SWTPM_FLAG_MIGRATION_ENCRYPTED;
	refused(&w, VTPM_ERR_VERSION);
	w = v;
	w.file[3] = 12;
	refused(&w, VTPM_ERR_CORRUPT); /* another header */
	w = v;
	w.file[11] = 9;
	refused(&w, VTPM_ERR_CORRUPT); /* no state among its fields */
	memset(w.file, 0, sizeof(w.file));
	refused(&w, VTPM_ERR_CORRUPT);
}

/* A file of @b, authenticated with @key whatever is in it. */
static void seal(struct swtpm_blob *b, const struct secret *key,
		 struct vector *v)
{
	static uint8_t mac[SWTPM_HMAC_LEN];

	assert_int_equal(swtpm_hmac(key, b->encrypted, b->ivec, mac), 0);
	b->hmac = (struct swtpm_field){ mac, sizeof(mac) };
	b->flags = SWTPM_FLAG_ENCRYPTED;
	v->len = swtpm_blob_size(b);
	swtpm_blob_build(b, v->file);
}

/* What is authentic and yet not as swtpm makes it. */
static void test_odd_fields(void **state)
{
	static struct vector v;
	struct secret *key = secret_random(16);
	uint8_t text[48] = "state", iv[16] = { 7 }, out[48];
	struct swtpm_blob b = { .encrypted = { out, 48 } };
	struct swtpm_bytes *s;

	(void)state;
	v.key = key;
	memset(text + 5, 11, 11);
	assert_int_equal(swtpm_aes_cbc(key, true, b.ivec, text, 16, out), 0);
	b.encrypted.len = 16;
	seal(&b, key, &v); /* no IV, as before 0.1.0: zeroes */
	s = decode(&v);
	assert_int_equal(s->len, 5);
	assert_memory_equal(s->data, "state", 5);
	swtpm_bytes_free(s);
	b.ivec = (struct swtpm_field){ iv, 15 };
	seal(&b, key, &v);
	refused(&v, VTPM_ERR_CORRUPT);
	b.ivec.len = 16;
	b.encrypted.len = 15;
	seal(&b, key, &v);
	refused(&v, VTPM_ERR_CORRUPT);
	for (int pad = 0; pad < 256; pad++) {
		memset(text, pad, sizeof(text));
		text[33] = 99;
		swtpm_aes_cbc(key, true, b.ivec, text, 48, out);
		b.encrypted.len = 48;
		seal(&b, key, &v);
		if (!pad || pad > 14)
			refused(&v, VTPM_ERR_CORRUPT);
		else
			swtpm_bytes_free(decode(&v));
	}
	memset(text, 32, sizeof(text));
	swtpm_aes_cbc(key, true, b.ivec, text, 48, out);
	seal(&b, key, &v);
	refused(&v, VTPM_ERR_CORRUPT); /* more than the length of the key */
	memset(text, 16, 16);
	swtpm_aes_cbc(key, true, b.ivec, text, 16, out);
	b.encrypted.len = 16;
	seal(&b, key, &v);
	refused(&v, VTPM_ERR_CORRUPT); /* nothing but padding */
	secret_free(key);
}

static void test_twice(void **state)
{
	static struct vector v;
	uint8_t field[7] = { 0, SWTPM_TAG_DATA, 0, 0, 0, 1, 0xaa };

	(void)state;
	load("0.7.1-plain.permall", &v);
	memcpy(v.file + v.len, field, sizeof(field));
	v.len += sizeof(field);
	v.file[8] = v.len >> 8;
	v.file[9] = v.len & 255;
	refused(&v, VTPM_ERR_CORRUPT);
	/* One that is not known is gone past. */
	v.file[v.len - 6] = 77;
	swtpm_bytes_free(decode(&v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_padding_lengths),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_keys_that_do_not_fit),
		cmocka_unit_test(test_other_files),
		cmocka_unit_test(test_odd_fields),
		cmocka_unit_test(test_twice),
	};

	return cmocka_run_group_tests(tests, load_list, free_list);
}
