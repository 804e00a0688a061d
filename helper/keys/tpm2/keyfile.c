// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "keys/key-dir.h"
#include "keys/tpm2/keyfile.h"
#include "nvram/bytes.h"

/* Offsets; integers are little-endian. */
enum {
	K_MAGIC = 0,
	K_CREATED = 8,
	K_ID = 16,
	K_PARENT = 32,
	K_PCRS = 36,
	K_BANK = 40,
	K_NAME_LEN = 42,
	K_VALUES_LEN = 44,
	K_PUBLIC_LEN = 46,
	K_PRIVATE_LEN = 48,
	K_RESERVED = 50,
	K_SUM_LEN = 32, /* SHA-256 of all before, at the end */
};

static const uint8_t magic[8] = "VTPMTPM1";

static size_t append(uint8_t *out, size_t at, const void *data, size_t len)
{
	memcpy(out + at, data, len);
	return at + len;
}

int sealed_encode(const struct sealed_key *key, uint8_t *out)
{
	size_t n = SEALED_HEAD_LEN;

	memset(out, 0, SEALED_HEAD_LEN);
	memcpy(out + K_MAGIC, magic, sizeof(magic));
	put64(out + K_CREATED, key->created);
	memcpy(out + K_ID, key->id, UUID_LEN);
	put32(out + K_PARENT, key->parent);
	put32(out + K_PCRS, key->pcrs.mask);
	put16(out + K_BANK, key->pcrs.bank);
	put16(out + K_NAME_LEN, key->name.len);
	put16(out + K_VALUES_LEN, key->values.len);
	put16(out + K_PUBLIC_LEN, key->public.len);
	put16(out + K_PRIVATE_LEN, key->private.len);
	n = append(out, n, key->name.data, key->name.len);
	n = append(out, n, key->values.data, key->values.len);
	n = append(out, n, key->public.data, key->public.len);
	n = append(out, n, key->private.data, key->private.len);
	if (EVP_Digest(out, n, out + n, NULL, EVP_sha256(), NULL) != 1)
		return -EIO;
	return n + K_SUM_LEN;
}

/* The fields of fixed length, and the lengths of the others. */
static int decode_head(const uint8_t *data, const uint8_t id[UUID_LEN],
		       struct sealed_key *key)
{
	if (memcmp(data + K_MAGIC, magic, sizeof(magic)) ||
	    memcmp(data + K_ID, id, UUID_LEN) ||
	    !all_zero(data + K_RESERVED, SEALED_HEAD_LEN - K_RESERVED))
		return -EBADMSG;
	memcpy(key->id, id, UUID_LEN);
	key->created = get64(data + K_CREATED);
	key->parent = get32(data + K_PARENT);
	key->pcrs.mask = get32(data + K_PCRS);
	key->pcrs.bank = get16(data + K_BANK);
	key->name.len = get16(data + K_NAME_LEN);
	key->values.len = get16(data + K_VALUES_LEN);
	key->public.len = get16(data + K_PUBLIC_LEN);
	key->private.len = get16(data + K_PRIVATE_LEN);
	if (key->parent && key->parent >> TPM2_HR_SHIFT != TPM2_HT_PERSISTENT)
		return -EBADMSG;
	if (pcr_set_check(&key->pcrs) ||
	    key->values.len != pcr_values_len(&key->pcrs) || !key->name.len ||
	    key->name.len > SEALED_MAX_NAME || !key->public.len ||
	    key->public.len > SEALED_MAX_PUBLIC || !key->private.len ||
	    key->private.len > SEALED_MAX_PRIVATE)
		return -EBADMSG;
	return 0;
}

static const uint8_t *take(const uint8_t *from, void *out, size_t len)
{
	memcpy(out, from, len);
	return from + len;
}

int sealed_decode(const uint8_t *data, size_t len, const uint8_t id[UUID_LEN],
		  struct sealed_key *out)
{
	struct sealed_key key = { 0 };
	uint8_t sum[K_SUM_LEN];
	size_t body;

	if (len < SEALED_HEAD_LEN + K_SUM_LEN || len > SEALED_MAX_FILE)
		return -EBADMSG;
	body = len - K_SUM_LEN;
	if (EVP_Digest(data, body, sum, NULL, EVP_sha256(), NULL) != 1 ||
	    memcmp(sum, data + body, sizeof(sum)) ||
	    decode_head(data, id, &key) ||
	    body != SEALED_HEAD_LEN + key.name.len + key.values.len +
			    key.public.len + key.private.len)
		return -EBADMSG;
	data = take(data + SEALED_HEAD_LEN, key.name.data, key.name.len);
	data = take(data, key.values.data, key.values.len);
	data = take(data, key.public.data, key.public.len);
	take(data, key.private.data, key.private.len);
	*out = key;
	return 0;
}

static int load_file(int dir, const char *file, const uint8_t id[UUID_LEN],
		     struct sealed_key *out, struct error *err)
{
	_cleanup_(secret) struct secret *buf = NULL;
	int r = key_dir_read(dir, file, SEALED_MAX_FILE, &buf);

	if (!r)
		r = sealed_decode(buf->data, buf->len, id, out);
	if (r == -EBADMSG || r == -E2BIG || r == -ENODATA)
		return error_set(err, r, VTPM_ERR_PROVIDER,
				 "%s in the provider's directory is damaged; "
				 "put it back from a backup of the host, or "
				 "open the vTPMs with another provider that is "
				 "attached to them",
				 file);
	return r ? key_dir_error(err, r, "read", file) : 0;
}

int sealed_load(int dir, const uint8_t id[UUID_LEN], struct sealed_key *out,
		struct error *err)
{
	char file[KEY_FILE_NAME_LEN];
	struct error why = { 0 };
	int r;

	key_file_name(id, file);
	r = load_file(dir, file, id, out, &why);
	if (r == -ENOENT)
		return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
				 "there is no %s in the provider's directory; "
				 "put it back from a backup of the host, or "
				 "open the vTPMs with another provider that is "
				 "attached to them",
				 file);
	if (r && err)
		*err = why;
	return r;
}

static int load_one(int dir, const char *file, const uint8_t id[UUID_LEN],
		    void *arg, struct error *err)
{
	struct sealed_keys *k = arg;
	int r;

	if (k->count == SEALED_MAX_KEYS)
		return error_set(err, -E2BIG, VTPM_ERR_PROVIDER,
				 "the provider has more than %d keys",
				 SEALED_MAX_KEYS);
	r = load_file(dir, file, id, &k->key[k->count], err);
	if (!r)
		k->count++;
	return r;
}

static int by_age(const void *a, const void *b)
{
	const struct sealed_key *x = a, *y = b;

	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return memcmp(x->id, y->id, UUID_LEN);
}

int sealed_load_all(int dir, struct sealed_keys **out, struct error *err)
{
	_cleanup_(sealed_keys) struct sealed_keys *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	r = key_dir_each(dir, load_one, k, err);
	if (r)
		return r;
	qsort(k->key, k->count, sizeof(k->key[0]), by_age);
	*out = TAKE_PTR(k);
	return 0;
}

int sealed_store(int dir, const struct sealed_key *key, struct error *err)
{
	uint8_t data[SEALED_MAX_FILE];
	char file[KEY_FILE_NAME_LEN];
	int n = sealed_encode(key, data);

	if (n < 0)
		return error_set(err, n, VTPM_ERR_PROVIDER,
				 "OpenSSL cannot make a SHA-256 sum");
	key_file_name(key->id, file);
	return key_dir_replace(dir, file, data, n, err);
}
