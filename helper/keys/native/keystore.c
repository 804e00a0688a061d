// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys in a directory: UUID.key, one per key, and the file "active" with the
 * id of the active one. All 0600, replaced by rename.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "keys/key-dir.h"
#include "keys/native/native.h"
#include "nvram/bytes.h"

/* Offsets in a key file; integers are little-endian. */
enum {
	K_MAGIC = 0,
	K_FLAGS = 8,
	K_CREATED = 16,
	K_ID = 24,
	K_KEY = 40,
	K_CHECKSUM = K_KEY + NATIVE_KEY_LEN, /* SHA-256 of the above */
	K_LEN = K_CHECKSUM + 32,
};

#define FLAG_BACKED_UP 1u

static const uint8_t key_magic[8] = "VTPMKEY1";

void native_keys_free(struct native_keys *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->count; i++)
		secret_free(k->key[i].secret);
	free(k);
}

struct native_key *native_find(struct native_keys *k,
			       const uint8_t id[UUID_LEN])
{
	for (size_t i = 0; i < k->count; i++) {
		if (!memcmp(k->key[i].id, id, UUID_LEN))
			return &k->key[i];
	}
	return NULL;
}

struct native_key *native_active(struct native_keys *k)
{
	for (size_t i = 0; i < k->count; i++) {
		if (k->key[i].active)
			return &k->key[i];
	}
	return NULL;
}

struct native_key *native_find_text(struct native_keys *k, const char *key_id)
{
	uint8_t id[UUID_LEN];

	return uuid_parse(key_id, id) ? NULL : native_find(k, id);
}

int native_store(int dir, const struct native_key *key, struct error *err)
{
	_cleanup_(secret) struct secret *buf = secret_new(K_LEN);
	char name[KEY_FILE_NAME_LEN];

	if (!buf)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	memcpy(buf->data + K_MAGIC, key_magic, sizeof(key_magic));
	put64(buf->data + K_FLAGS, key->backed_up ? FLAG_BACKED_UP : 0);
	put64(buf->data + K_CREATED, key->created);
	memcpy(buf->data + K_ID, key->id, UUID_LEN);
	memcpy(buf->data + K_KEY, key->secret->data, NATIVE_KEY_LEN);
	if (EVP_Digest(buf->data, K_CHECKSUM, buf->data + K_CHECKSUM, NULL,
		       EVP_sha256(), NULL) != 1)
		return error_set(err, -EIO, VTPM_ERR_PROVIDER,
				 "OpenSSL cannot make a SHA-256 sum");
	key_file_name(key->id, name);
	return key_dir_replace(dir, name, buf->data, K_LEN, err);
}

int native_set_active(int dir, const uint8_t id[UUID_LEN], struct error *err)
{
	char text[UUID_TEXT_LEN];

	uuid_format(id, text);
	return key_dir_replace(dir, "active", text, UUID_TEXT_LEN - 1, err);
}

static int decode_key(const struct secret *buf, const uint8_t id[UUID_LEN],
		      struct native_key *out)
{
	uint8_t sum[32];
	uint64_t flags;

	if (buf->len != K_LEN || memcmp(buf->data, key_magic, 8) ||
	    EVP_Digest(buf->data, K_CHECKSUM, sum, NULL, EVP_sha256(), NULL) !=
		    1 ||
	    CRYPTO_memcmp(sum, buf->data + K_CHECKSUM, sizeof(sum)))
		return -EBADMSG;
	flags = get64(buf->data + K_FLAGS);
	if (flags & ~(uint64_t)FLAG_BACKED_UP ||
	    memcmp(buf->data + K_ID, id, UUID_LEN))
		return -EBADMSG;
	out->secret = secret_new(NATIVE_KEY_LEN);
	if (!out->secret)
		return -ENOMEM;
	memcpy(out->secret->data, buf->data + K_KEY, NATIVE_KEY_LEN);
	memcpy(out->id, id, UUID_LEN);
	out->created = get64(buf->data + K_CREATED);
	out->backed_up = flags & FLAG_BACKED_UP;
	return 0;
}

/* A damaged key is an error: it may be the one that is needed. */
static int load_key(int dir, const char *file, const uint8_t id[UUID_LEN],
		    void *arg, struct error *err)
{
	_cleanup_(secret) struct secret *buf = NULL;
	struct native_keys *k = arg;
	int r;

	if (k->count == NATIVE_MAX_KEYS)
		return error_set(err, -E2BIG, VTPM_ERR_PROVIDER,
				 "the provider has more than %d keys",
				 NATIVE_MAX_KEYS);
	r = key_dir_read(dir, file, K_LEN, &buf);
	if (!r)
		r = decode_key(buf, id, &k->key[k->count]);
	if (r == -EBADMSG || r == -E2BIG || r == -ENODATA)
		return error_set(err, r, VTPM_ERR_PROVIDER,
				 "%s in the provider's directory is damaged; "
				 "remove it and import the backup of the key",
				 file);
	if (r)
		return key_dir_error(err, r, "read", file);
	k->count++;
	return 0;
}

static int load_active(int dir, struct native_keys *k, struct error *err)
{
	_cleanup_(secret) struct secret *buf = NULL;
	char text[UUID_TEXT_LEN] = "";
	struct native_key *key = NULL;
	uint8_t id[UUID_LEN];
	int r = key_dir_read(dir, "active", UUID_TEXT_LEN - 1, &buf);

	if (r == -ENOENT)
		return 0;
	if (r && r != -E2BIG && r != -ENODATA)
		return key_dir_error(err, r, "read", "active");
	if (!r) {
		memcpy(text, buf->data, buf->len);
		if (!uuid_parse(text, id))
			key = native_find(k, id);
	}
	/* Without the key it names there is none to wrap with; import helps. */
	if (key)
		key->active = true;
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct native_key *x = a, *y = b;

	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return memcmp(x->id, y->id, UUID_LEN);
}

int native_load(int dir, struct native_keys **out, struct error *err)
{
	_cleanup_(native_keys) struct native_keys *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	r = key_dir_lock(dir, err);
	if (!r)
		r = key_dir_each(dir, load_key, k, err);
	if (r)
		return r;
	qsort(k->key, k->count, sizeof(k->key[0]), by_age);
	r = load_active(dir, k, err);
	if (r)
		return r;
	*out = TAKE_PTR(k);
	return 0;
}

int native_open(int *dir, struct native_keys **k, struct error *err)
{
	int r = key_dir_open(dir, err);

	return r ? r : native_load(*dir, k, err);
}
