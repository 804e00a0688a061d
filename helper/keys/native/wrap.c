// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Wrapped key: "VTKW", version (u32 LE), salt (32), ciphertext, tag (16).
 * Documentation/key-providers.rst, "The native provider".
 */
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "keys/native/native.h"

#define HEAD_LEN 8
#define SALT_LEN 32
#define TAG_LEN 16
#define AAD_LEN (HEAD_LEN + 2 * UUID_LEN)
#define MAX_PLAIN 64

_Static_assert(NATIVE_WRAP_OVERHEAD == HEAD_LEN + SALT_LEN + TAG_LEN, "");

static const uint8_t head[HEAD_LEN] = { 'V', 'T', 'K', 'W', 1, 0, 0, 0 };
static const char label[] = "vtpm native wrap v1";

/* HKDF-SHA256 (RFC 5869), info = label || context. */
static struct secret *derive(const struct native_key *key,
			     const uint8_t salt[SALT_LEN],
			     const uint8_t context[UUID_LEN])
{
	_cleanup_(secret) struct secret *out = secret_new(32);
	uint8_t info[sizeof(label) - 1 + UUID_LEN];
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM p[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 6),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, key->secret->data,
					key->secret->len),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt,
					SALT_LEN),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, info,
					sizeof(info)),
		OSSL_PARAM_END,
	};
	bool ok;

	memcpy(info, label, sizeof(label) - 1);
	memcpy(info + sizeof(label) - 1, context, UUID_LEN);
	ok = out && ctx && EVP_KDF_derive(ctx, out->data, out->len, p) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? TAKE_PTR(out) : NULL;
}

/*
 * AES-256-GCM with a key of its own for each wrap, hence a constant nonce.
 * Returns 1, 0 if a tag does not fit, or -1.
 */
static int gcm(bool encrypt, const struct native_key *key,
	       const uint8_t context[UUID_LEN], const uint8_t salt[SALT_LEN],
	       const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag)
{
	static const uint8_t nonce[12];
	_cleanup_(secret) struct secret *k = derive(key, salt, context);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t aad[AAD_LEN];
	int n, r = -1;

	memcpy(aad, head, HEAD_LEN);
	memcpy(aad + HEAD_LEN, key->id, UUID_LEN);
	memcpy(aad + HEAD_LEN + UUID_LEN, context, UUID_LEN);
	if (!k || !ctx ||
	    EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), k->data, nonce, encrypt,
			       NULL) != 1 ||
	    EVP_CipherUpdate(ctx, NULL, &n, aad, sizeof(aad)) != 1 ||
	    EVP_CipherUpdate(ctx, out, &n, in, len) != 1 ||
	    (!encrypt && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG,
					     TAG_LEN, tag) != 1))
		goto out;
	r = EVP_CipherFinal_ex(ctx, out + len, &n) == 1;
	if (encrypt && (!r || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG,
						  TAG_LEN, tag) != 1))
		r = -1;
out:
	EVP_CIPHER_CTX_free(ctx);
	return r;
}

int native_wrap(const struct native_key *key, const uint8_t context[UUID_LEN],
		const struct secret *plain, uint8_t *out, struct error *err)
{
	uint8_t *salt = out + HEAD_LEN, *text = salt + SALT_LEN;

	if (!plain->len || plain->len > MAX_PLAIN)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "a data key of %zu bytes cannot be wrapped",
				 plain->len);
	memcpy(out, head, HEAD_LEN);
	random_bytes(salt, SALT_LEN);
	if (gcm(true, key, context, salt, plain->data, plain->len, text,
		text + plain->len) != 1)
		return error_set(err, -EIO, VTPM_ERR_PROVIDER,
				 "OpenSSL cannot encrypt");
	return 0;
}

int native_unwrap(const struct native_key *key, const uint8_t context[UUID_LEN],
		  const uint8_t *wrapped, size_t len, struct secret **out,
		  struct error *err)
{
	const uint8_t *salt = wrapped + HEAD_LEN, *text = salt + SALT_LEN;
	_cleanup_(secret) struct secret *plain = NULL;
	uint8_t tag[TAG_LEN];
	int r = 0;

	if (len > NATIVE_WRAP_OVERHEAD &&
	    len <= NATIVE_WRAP_OVERHEAD + MAX_PLAIN &&
	    !memcmp(wrapped, head, HEAD_LEN)) {
		len -= NATIVE_WRAP_OVERHEAD;
		memcpy(tag, text + len, TAG_LEN);
		plain = secret_new(len);
		r = plain ? gcm(false, key, context, salt, text, len,
				plain->data, tag)
			  : -1;
	}
	if (r < 0)
		return error_set(err, -EIO, VTPM_ERR_PROVIDER,
				 "OpenSSL cannot decrypt");
	if (!r)
		return error_set(err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
				 "the wrapped key was changed, or belongs to "
				 "another vTPM");
	*out = TAKE_PTR(plain);
	return 0;
}
