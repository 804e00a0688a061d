// SPDX-License-Identifier: GPL-2.0-or-later
/* Wrapped key: "VTKP", version (u32 LE), nonce (12), ciphertext, tag (16). */
#include <errno.h>
#include <string.h>

#include "keys/pkcs11/wrap.h"

#define HEAD_LEN 8
#define NONCE_LEN 12
#define TAG_LEN 16
#define AAD_LEN (HEAD_LEN + 2 * UUID_LEN)

_Static_assert(PKCS11_WRAP_OVERHEAD == HEAD_LEN + NONCE_LEN + TAG_LEN, "");

static const uint8_t head[HEAD_LEN] = { 'V', 'T', 'K', 'P', 1, 0, 0, 0 };

static void make_aad(const uint8_t id[UUID_LEN],
		     const uint8_t context[UUID_LEN], uint8_t aad[AAD_LEN])
{
	memcpy(aad, head, HEAD_LEN);
	memcpy(aad + HEAD_LEN, id, UUID_LEN);
	memcpy(aad + HEAD_LEN + UUID_LEN, context, UUID_LEN);
}

static int no_gcm(struct error *err)
{
	return error_set(err, -EOPNOTSUPP, VTPM_ERR_NOT_SUPPORTED,
			 "the token has no AES-GCM with a nonce and data from "
			 "outside; use another token");
}

int pkcs11_wrap(const struct token *t, CK_OBJECT_HANDLE key,
		const uint8_t id[UUID_LEN], const uint8_t context[UUID_LEN],
		const struct secret *plain, uint8_t *out, struct error *err)
{
	uint8_t aad[AAD_LEN], nonce[NONCE_LEN];
	CK_GCM_PARAMS params = { nonce, NONCE_LEN, NONCE_LEN * 8UL,
				 aad,	AAD_LEN,   TAG_LEN * 8UL };
	CK_MECHANISM mechanism = { CKM_AES_GCM, &params, sizeof(params) };
	CK_ULONG n = plain->len + TAG_LEN;
	CK_RV rv;

	make_aad(id, context, aad);
	random_bytes(nonce, NONCE_LEN);
	rv = t->module->C_EncryptInit(t->session, &mechanism, key);
	if (rv == CKR_MECHANISM_INVALID || rv == CKR_MECHANISM_PARAM_INVALID)
		return no_gcm(err);
	if (rv == CKR_OK)
		rv = t->module->C_Encrypt(t->session, (CK_BYTE *)plain->data,
					  plain->len,
					  out + HEAD_LEN + NONCE_LEN, &n);
	if (rv != CKR_OK)
		return token_error(err, rv, "wrap with the key");
	if (n != plain->len + TAG_LEN)
		return token_error(err, CKR_GENERAL_ERROR,
				   "use what the token encrypted");
	/* Last: a token may have put a nonce of its own in the place of ours. */
	memcpy(out, head, HEAD_LEN);
	memcpy(out + HEAD_LEN, nonce, NONCE_LEN);
	return 0;
}

static bool says_forged(CK_RV rv)
{
	return rv == CKR_ENCRYPTED_DATA_INVALID ||
	       rv == CKR_ENCRYPTED_DATA_LEN_RANGE || rv == CKR_DATA_INVALID ||
	       rv == CKR_SIGNATURE_INVALID ||
	       /* SoftHSM 2.6: what OpenSSL's EVP_DecryptFinal() refuses. */
	       rv == CKR_GENERAL_ERROR;
}

int pkcs11_unwrap(const struct token *t, CK_OBJECT_HANDLE key,
		  const uint8_t id[UUID_LEN], const uint8_t context[UUID_LEN],
		  const uint8_t *wrapped, size_t len, struct secret **out,
		  struct error *err)
{
	uint8_t aad[AAD_LEN], nonce[NONCE_LEN];
	CK_GCM_PARAMS params = { nonce, NONCE_LEN, NONCE_LEN * 8UL,
				 aad,	AAD_LEN,   TAG_LEN * 8UL };
	CK_MECHANISM mechanism = { CKM_AES_GCM, &params, sizeof(params) };
	_cleanup_(secret) struct secret *plain = NULL;
	CK_RV rv = CKR_ENCRYPTED_DATA_INVALID;
	CK_ULONG n = 0;

	if (len > PKCS11_WRAP_OVERHEAD &&
	    len <= PKCS11_WRAP_OVERHEAD + PROVIDER_MAX_DATA_KEY &&
	    !memcmp(wrapped, head, HEAD_LEN)) {
		make_aad(id, context, aad);
		memcpy(nonce, wrapped + HEAD_LEN, NONCE_LEN);
		/* Room for the tag: some tokens ask for it. */
		n = len - HEAD_LEN - NONCE_LEN;
		plain = secret_new(n);
		if (!plain)
			return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
					 "out of memory");
		rv = t->module->C_DecryptInit(t->session, &mechanism, key);
		if (rv != CKR_OK)
			return token_error(err, rv, "unwrap with the key");
		rv = t->module->C_Decrypt(
			t->session, (CK_BYTE *)wrapped + HEAD_LEN + NONCE_LEN,
			n, plain->data, &n);
	}
	if (rv == CKR_OK && n != len - PKCS11_WRAP_OVERHEAD)
		rv = CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (says_forged(rv))
		return error_set(err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
				 "the wrapped key was changed, or belongs to "
				 "another vTPM");
	if (rv != CKR_OK)
		return token_error(err, rv, "unwrap with the key");
	*out = secret_new(n);
	if (!*out)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	memcpy((*out)->data, plain->data, n);
	return 0;
}
