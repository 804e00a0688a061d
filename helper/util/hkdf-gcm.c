// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "util/hkdf-gcm.h"

static struct secret *derive(const struct hkdf_gcm *p)
{
	_cleanup_(secret) struct secret *out = secret_new(32);
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 6),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY,
					(void *)p->key->data, p->key->len),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, (void *)p->salt,
					HKDF_GCM_SALT_LEN),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, (void *)p->info,
					p->info_len),
		OSSL_PARAM_END,
	};
	bool ok = out && ctx &&
		  EVP_KDF_derive(ctx, out->data, out->len, params) == 1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? TAKE_PTR(out) : NULL;
}

/* 0, -EKEYREJECTED or -EIO; @tag is written or compared. */
static int gcm(const struct hkdf_gcm *p, bool encrypt, const uint8_t *in,
	       size_t len, uint8_t *out, uint8_t tag[HKDF_GCM_TAG_LEN])
{
	static const uint8_t nonce[12];
	_cleanup_(secret) struct secret *k = derive(p);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, r = -EIO;

	if (!k || !ctx ||
	    EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), k->data, nonce, encrypt,
			       NULL) != 1 ||
	    EVP_CipherUpdate(ctx, NULL, &n, p->aad, p->aad_len) != 1 ||
	    EVP_CipherUpdate(ctx, out, &n, in, len) != 1 ||
	    (!encrypt && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG,
					     HKDF_GCM_TAG_LEN, tag) != 1))
		goto out;
	if (EVP_CipherFinal_ex(ctx, out + len, &n) != 1)
		r = encrypt ? -EIO : -EKEYREJECTED;
	else if (!encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG,
						 HKDF_GCM_TAG_LEN, tag) == 1)
		r = 0;
out:
	EVP_CIPHER_CTX_free(ctx);
	return r;
}

int hkdf_gcm_seal(const struct hkdf_gcm *p, const void *in, size_t len,
		  uint8_t *out)
{
	return gcm(p, true, in, len, out, out + len);
}

int hkdf_gcm_open(const struct hkdf_gcm *p, const uint8_t *in, size_t len,
		  uint8_t *out)
{
	uint8_t tag[HKDF_GCM_TAG_LEN];

	memcpy(tag, in + len, sizeof(tag));
	return gcm(p, false, in, len, out, tag);
}
