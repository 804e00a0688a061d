// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "nvram/bytes.h"
#include "nvram/seal.h"

#define NONCE_LEN 12
#define AAD_LEN (NVRAM_FRAME_LEN + NVRAM_IDENTITY_LEN)

static const char label_header[] = "vtpm nvram v1 header";
static const char label_record[] = "vtpm nvram v1 record";

struct seal {
	struct secret *key; /* the data key */
	uint8_t uuid[UUID_LEN];
	uint8_t salt[NVRAM_SALT_LEN];
	uint64_t counter; /* of the last record sealed */
	EVP_CIPHER *cipher;
	EVP_KDF_CTX *kdf;
	EVP_CIPHER_CTX *writer; /* holds the session's record key */
	EVP_CIPHER_CTX *reader;
	EVP_MAC_CTX *mac; /* holds the header key; is duplicated */
};

/* HKDF-SHA256 (RFC 5869), info = @label without its NUL || UUID. */
static int derive(struct seal *s, const char *label,
		  const uint8_t salt[NVRAM_SALT_LEN], struct secret *out)
{
	uint8_t info[sizeof(label_record) - 1 + UUID_LEN];
	OSSL_PARAM p[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 6),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, s->key->data,
					s->key->len),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt,
					NVRAM_SALT_LEN),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, info,
					sizeof(info)),
		OSSL_PARAM_END,
	};
	bool ok;

	_Static_assert(sizeof(label_header) == sizeof(label_record), "info");
	memcpy(info, label, sizeof(label_record) - 1);
	memcpy(info + sizeof(label_record) - 1, s->uuid, UUID_LEN);
	ok = EVP_KDF_derive(s->kdf, out->data, out->len, p) == 1;
	/* Leaves no copy of the data key in the context. */
	EVP_KDF_CTX_reset(s->kdf);
	return ok ? 0 : -EIO;
}

static int set_up_mac(struct seal *s)
{
	static const uint8_t no_salt[NVRAM_SALT_LEN];
	_cleanup_(secret) struct secret *key = secret_new(NVRAM_KEY_LEN);
	OSSL_PARAM p[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 6),
		OSSL_PARAM_END,
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	s->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (!key || !s->mac || derive(s, label_header, no_salt, key) ||
	    EVP_MAC_init(s->mac, key->data, key->len, p) != 1)
		return -ENOMEM;
	return 0;
}

static int set_up_cipher(struct seal *s)
{
	_cleanup_(secret) struct secret *key = secret_new(NVRAM_KEY_LEN);

	s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	s->writer = EVP_CIPHER_CTX_new();
	s->reader = EVP_CIPHER_CTX_new();
	if (!key || !s->cipher || !s->writer || !s->reader ||
	    derive(s, label_record, s->salt, key) ||
	    EVP_EncryptInit_ex2(s->writer, s->cipher, key->data, NULL, NULL) !=
		    1)
		return -ENOMEM;
	return 0;
}

int seal_new(const struct secret *key, const uint8_t uuid[UUID_LEN],
	     const uint8_t salt[NVRAM_SALT_LEN], struct seal **out)
{
	_cleanup_(seal) struct seal *s = NULL;
	EVP_KDF *kdf;

	if (key->len != NVRAM_KEY_LEN)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->key = secret_new(key->len);
	if (!s->key)
		return -ENOMEM;
	memcpy(s->key->data, key->data, key->len);
	memcpy(s->uuid, uuid, UUID_LEN);
	memcpy(s->salt, salt, NVRAM_SALT_LEN);
	kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	s->kdf = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	EVP_KDF_free(kdf);
	if (!s->kdf || set_up_mac(s) || set_up_cipher(s))
		return -ENOMEM;
	*out = TAKE_PTR(s);
	return 0;
}

bool seal_has_key(const struct seal *s, const struct secret *key)
{
	return key->len == s->key->len &&
	       !CRYPTO_memcmp(key->data, s->key->data, key->len);
}

void seal_free(struct seal *s)
{
	if (!s)
		return;
	/* Each of these wipes what it holds of keys. */
	EVP_MAC_CTX_free(s->mac);
	EVP_CIPHER_CTX_free(s->reader);
	EVP_CIPHER_CTX_free(s->writer);
	EVP_CIPHER_free(s->cipher);
	EVP_KDF_CTX_free(s->kdf);
	secret_free(s->key);
	free(s);
}

int seal_header_mac(struct seal *s, const uint8_t page[NVRAM_PAGE],
		    uint8_t mac[NVRAM_MAC_LEN])
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(s->mac);
	size_t len;
	bool ok = ctx && EVP_MAC_update(ctx, page, NVRAM_HEADER_MACED) == 1 &&
		  EVP_MAC_final(ctx, mac, &len, NVRAM_MAC_LEN) == 1 &&
		  len == NVRAM_MAC_LEN;

	EVP_MAC_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

int seal_header_verify(struct seal *s, const uint8_t page[NVRAM_PAGE],
		       const uint8_t mac[NVRAM_MAC_LEN])
{
	uint8_t ours[NVRAM_MAC_LEN];
	int r = seal_header_mac(s, page, ours);

	if (r)
		return r;
	return CRYPTO_memcmp(ours, mac, sizeof(ours)) ? -EBADMSG : 0;
}

static void make_aad(const struct nvram_header *h, const struct nvram_frame *f,
		     uint8_t aad[AAD_LEN])
{
	frame_encode(f, aad);
	header_identity(h, aad + NVRAM_FRAME_LEN);
}

/* The key is the session's own, so a counter is enough for a nonce. */
static void make_nonce(uint64_t counter, uint8_t nonce[NONCE_LEN])
{
	memset(nonce, 0, NONCE_LEN);
	put64(nonce + NONCE_LEN - 8, counter);
}

int seal_record(struct seal *s, const struct nvram_header *h,
		struct nvram_frame *f, const void *state, uint8_t *body)
{
	uint8_t aad[AAD_LEN], nonce[NONCE_LEN], *text = body + NVRAM_FRAME_LEN;
	int n;

	if (s->counter == UINT64_MAX)
		return -EOVERFLOW;
	/* Counted before it is used: a failure below uses it up as well. */
	f->counter = ++s->counter;
	memcpy(f->salt, s->salt, NVRAM_SALT_LEN);
	make_aad(h, f, aad);
	make_nonce(f->counter, nonce);
	if (EVP_EncryptInit_ex2(s->writer, NULL, NULL, nonce, NULL) != 1 ||
	    EVP_EncryptUpdate(s->writer, NULL, &n, aad, sizeof(aad)) != 1 ||
	    EVP_EncryptUpdate(s->writer, text, &n, state, f->length) != 1 ||
	    EVP_EncryptFinal_ex(s->writer, text + f->length, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(s->writer, EVP_CTRL_AEAD_GET_TAG, NVRAM_TAG_LEN,
				text + f->length) != 1)
		return -EIO;
	memcpy(body, aad, NVRAM_FRAME_LEN);
	return 0;
}

static int open_body(struct seal *s, const struct nvram_header *h,
		     const struct nvram_frame *f, const struct secret *key,
		     const uint8_t *text, void *state)
{
	uint8_t aad[AAD_LEN], nonce[NONCE_LEN], end[16];
	int n;

	make_aad(h, f, aad);
	make_nonce(f->counter, nonce);
	if (EVP_DecryptInit_ex2(s->reader, s->cipher, key->data, nonce, NULL) !=
		    1 ||
	    EVP_DecryptUpdate(s->reader, NULL, &n, aad, sizeof(aad)) != 1 ||
	    EVP_DecryptUpdate(s->reader, state, &n, text, f->length) != 1 ||
	    EVP_CIPHER_CTX_ctrl(s->reader, EVP_CTRL_AEAD_SET_TAG, NVRAM_TAG_LEN,
				(void *)(text + f->length)) != 1)
		return -EIO;
	return EVP_DecryptFinal_ex(s->reader, end, &n) == 1 ? 0 : -EBADMSG;
}

int seal_open(struct seal *s, const struct nvram_header *h,
	      const struct nvram_frame *f, const uint8_t *body, void *state)
{
	_cleanup_(secret) struct secret *key = secret_new(NVRAM_KEY_LEN);
	int r;

	if (!key)
		return -ENOMEM;
	r = derive(s, label_record, f->salt, key);
	if (!r)
		r = open_body(s, h, f, key, body + NVRAM_FRAME_LEN, state);
	if (r)
		OPENSSL_cleanse(state, f->length);
	return r;
}
