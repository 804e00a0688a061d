// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "swtpm/cipher.h"
#include "swtpm/state.h"

struct swtpm_bytes *swtpm_bytes_new(size_t len)
{
	struct swtpm_bytes *b = calloc(1, sizeof(*b) + len);

	if (b)
		b->len = len;
	return b;
}

void swtpm_bytes_free(struct swtpm_bytes *b)
{
	if (b)
		OPENSSL_cleanse(b->data, b->len);
	free(b);
}

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
			 "no memory for the swtpm state");
}

static int damaged(struct error *err, const char *what)
{
	return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
			 "the swtpm state is damaged: %s; take another copy of "
			 "tpm2-00.permall",
			 what);
}

static size_t key_len_of(const struct swtpm_blob *b)
{
	if (!(b->flags & SWTPM_FLAG_ENCRYPTED))
		return 0;
	return b->flags & SWTPM_FLAG_256BIT_KEY ? 32 : 16;
}

int swtpm_state_key_len(const uint8_t *file, size_t len, size_t *key_len,
			struct error *err)
{
	struct swtpm_blob b;
	int r = swtpm_blob_parse(file, len, &b, err);

	if (!r)
		*key_len = key_len_of(&b);
	return r;
}

/* Has the key, or that there is none, to do with this file? */
static int check_key(const struct swtpm_blob *b, const struct secret *key,
		     struct error *err)
{
	size_t want = key_len_of(b);

	if (!want && key)
		return error_set(
			err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
			"the swtpm state is not encrypted, though a key "
			"was given; if it is the right one, leave the "
			"key out");
	if (want && !key)
		return error_set(
			err, -ENOKEY, VTPM_ERR_KEY_WRONG,
			"the swtpm state is encrypted with a key of %zu "
			"bits; give it with --key-file or "
			"--passphrase-file",
			8 * want);
	if (want && key->len != want)
		return error_set(
			err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
			"the swtpm state is encrypted with a key of %zu "
			"bits, and one of %zu was given",
			8 * want, 8 * key->len);
	return 0;
}

static int check_hmac(const struct swtpm_blob *b, const struct secret *key,
		      struct error *err)
{
	uint8_t mac[SWTPM_HMAC_LEN];

	if (!b->encrypted.data || b->encrypted.len < key->len ||
	    b->encrypted.len % SWTPM_BLOCK_LEN)
		return damaged(err, "its ciphertext is not whole");
	if (b->hmac.len != SWTPM_HMAC_LEN)
		return damaged(err, "it has no HMAC");
	if (b->ivec.data && b->ivec.len < SWTPM_BLOCK_LEN)
		return damaged(err, "its initialization vector is too short");
	if (swtpm_hmac(key, b->encrypted, b->ivec, mac))
		return no_memory(err);
	if (CRYPTO_memcmp(mac, b->hmac.data, sizeof(mac)))
		return error_set(err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
				 "the key does not fit the swtpm state, or the "
				 "state was changed; of a passphrase its KDF "
				 "and an end of line at its end matter, too");
	return 0;
}

/* Bytes of padding at the end, as many of that value; 0 if it is none. */
static size_t padding(const uint8_t *data, size_t len, size_t max)
{
	size_t n = data[len - 1];

	if (n > max || n > len)
		return 0;
	for (size_t i = 1; i <= n; i++) {
		if (data[len - i] != n)
			return 0;
	}
	return n;
}

static int decrypt(const struct swtpm_blob *b, const struct secret *key,
		   struct swtpm_bytes **state, struct error *err)
{
	_cleanup_(swtpm_bytes) struct swtpm_bytes *out = NULL;
	int r = check_hmac(b, key, err);
	size_t pad;

	if (r < 0)
		return r;
	out = swtpm_bytes_new(b->encrypted.len);
	if (!out || swtpm_aes_cbc(key, false, b->ivec, b->encrypted.data,
				  b->encrypted.len, out->data))
		return no_memory(err);
	pad = padding(out->data, out->len, key->len);
	if (!pad)
		return damaged(err, "its padding is none");
	OPENSSL_cleanse(out->data + out->len - pad, pad);
	out->len -= pad;
	*state = TAKE_PTR(out);
	return 0;
}

static int take_plain(const struct swtpm_blob *b, struct swtpm_bytes **state,
		      struct error *err)
{
	struct swtpm_bytes *out;

	if (!b->data.data)
		return damaged(err, "there is no state in it");
	out = swtpm_bytes_new(b->data.len);
	if (!out)
		return no_memory(err);
	memcpy(out->data, b->data.data, b->data.len);
	*state = out;
	return 0;
}

int swtpm_state_decode(const uint8_t *file, size_t len,
		       const struct secret *key, struct swtpm_bytes **state,
		       struct error *err)
{
	_cleanup_(swtpm_bytes) struct swtpm_bytes *out = NULL;
	struct swtpm_blob b;
	int r = swtpm_blob_parse(file, len, &b, err);

	if (!r)
		r = check_key(&b, key, err);
	if (!r)
		r = key ? decrypt(&b, key, &out, err)
			: take_plain(&b, &out, err);
	if (r < 0)
		return r;
	if (!out || !out->len)
		return damaged(err, "the state in it is empty");
	*state = TAKE_PTR(out);
	return 0;
}

static int build(const struct swtpm_blob *b, struct swtpm_bytes **file,
		 struct error *err)
{
	struct swtpm_bytes *out = swtpm_bytes_new(swtpm_blob_size(b));

	if (!out)
		return no_memory(err);
	swtpm_blob_build(b, out->data);
	*file = out;
	return 0;
}

static int encrypt(const void *state, size_t len, const struct secret *key,
		   struct swtpm_bytes **file, struct error *err)
{
	/* At least one byte of padding, and whole lengths of the key. */
	size_t pad = key->len - len % key->len;
	_cleanup_(swtpm_bytes) struct swtpm_bytes *out =
		swtpm_bytes_new(len + pad);
	uint8_t mac[SWTPM_HMAC_LEN], iv[32];
	struct swtpm_blob b = { .flags = SWTPM_FLAG_ENCRYPTED };

	if (!out)
		return no_memory(err);
	if (key->len == 32)
		b.flags |= SWTPM_FLAG_256BIT_KEY;
	memcpy(out->data, state, len);
	memset(out->data + len, pad, pad);
	/* swtpm makes it as long as the key and uses a block of it. */
	random_bytes(iv, key->len);
	b.ivec = (struct swtpm_field){ iv, key->len };
	b.encrypted = (struct swtpm_field){ out->data, out->len };
	b.hmac = (struct swtpm_field){ mac, sizeof(mac) };
	if (swtpm_aes_cbc(key, true, b.ivec, out->data, out->len, out->data) ||
	    swtpm_hmac(key, b.encrypted, b.ivec, mac))
		return no_memory(err);
	return build(&b, file, err);
}

int swtpm_state_encode(const void *state, size_t len, const struct secret *key,
		       struct swtpm_bytes **file, struct error *err)
{
	const struct swtpm_blob plain = { .data = { state, len } };

	if (!len || len > SWTPM_MAX_FILE - 4096)
		return error_set(err, -EINVAL, VTPM_ERR_CORRUPT,
				 "there is no state that could be written");
	if (key && key->len != 16 && key->len != 32)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "a key of swtpm has 128 or 256 bits, not %zu",
				 8 * key->len);
	return key ? encrypt(state, len, key, file, err)
		   : build(&plain, file, err);
}
