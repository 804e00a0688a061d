// SPDX-License-Identifier: GPL-2.0-or-later
/* AES-GCM in the server. */
#include <errno.h>
#include <string.h>

#include "keys/kmip/protocol.h"

#define MODE_GCM 9

static void begin(struct kmip *k, enum kmip_operation operation,
		  const struct kmip_gcm *p, const void *data, size_t len,
		  struct kmip_request *r)
{
	kmip_begin(k, operation, r);
	ttlv_text(&r->w, TAG_ID, p->id);
	ttlv_open(&r->w, TAG_CRYPTO_PARAMETERS);
	ttlv_u32(&r->w, TAG_BLOCK_CIPHER_MODE, TTLV_ENUM, MODE_GCM);
	ttlv_u32(&r->w, TAG_ALGORITHM, TTLV_ENUM, 3);
	ttlv_u32(&r->w, TAG_TAG_LENGTH, TTLV_INTEGER, KMIP_TAG_LEN);
	ttlv_close(&r->w);
	ttlv_bytes(&r->w, TAG_DATA, data, len);
	ttlv_bytes(&r->w, TAG_NONCE, p->nonce, KMIP_NONCE_LEN);
	ttlv_bytes(&r->w, TAG_AEAD_DATA, p->aad, p->aad_len);
}

/* Associated data came with KMIP 1.4. */
static bool has_aead(const struct kmip *k)
{
	return k->version.major > 1 || k->version.minor >= 4;
}

static int no_aead(struct error *err)
{
	return error_set(
		err, -EOPNOTSUPP, VTPM_ERR_NOT_SUPPORTED,
		"the server has no Encrypt with AES-GCM and data from "
		"outside; use KMIP 1.4 or later, or \"mode\": \"get\"");
}

int kmip_encrypt(struct kmip *k, const struct kmip_gcm *p,
		 const struct secret *plain, uint8_t *out, struct error *err)
{
	struct ttlv payload, text, tag, nonce;
	struct kmip_request r;
	int e;

	if (!has_aead(k))
		return no_aead(err);
	/*
	 * Also because what a server encrypts that cannot decrypt would never
	 * open again.
	 */
	e = kmip_query_cipher(k, err);
	if (e)
		return e;
	begin(k, DO_ENCRYPT, p, plain->data, plain->len, &r);
	e = kmip_call(k, &r, &payload, err);
	if (e && (k->reason == INVALID_FIELD || k->reason == BAD_PARAMETERS ||
		  k->reason == NO_PARAMETERS || e == -EOPNOTSUPP))
		return no_aead(err);
	if (e)
		return e;
	if (ttlv_find(&payload, TAG_DATA, TTLV_BYTES, &text) ||
	    ttlv_find(&payload, TAG_AEAD_TAG, TTLV_BYTES, &tag) ||
	    text.len != plain->len || tag.len != KMIP_TAG_LEN)
		return kmip_malformed(k, err);
	/* A server that took a nonce of its own instead of ours. */
	if (!ttlv_find(&payload, TAG_NONCE, TTLV_BYTES, &nonce) &&
	    (nonce.len != KMIP_NONCE_LEN ||
	     memcmp(nonce.value, p->nonce, KMIP_NONCE_LEN)))
		return no_aead(err);
	memcpy(out, text.value, text.len);
	memcpy(out + text.len, tag.value, KMIP_TAG_LEN);
	return 0;
}

int kmip_decrypt(struct kmip *k, const struct kmip_gcm *p, const uint8_t *in,
		 size_t len, struct secret **out, struct error *err)
{
	struct ttlv payload, text;
	struct kmip_request r;
	int e;

	if (!has_aead(k))
		return no_aead(err);
	begin(k, DO_DECRYPT, p, in, len, &r);
	ttlv_bytes(&r.w, TAG_AEAD_TAG, in + len, KMIP_TAG_LEN);
	e = kmip_call(k, &r, &payload, err);
	/* PyKMIP 0.10 has nothing more exact for a tag that does not fit. */
	if (k->reason == CRYPTO_FAILURE || k->reason == GENERAL_FAILURE)
		return error_set(err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
				 "the server cannot open it: the wrapped key "
				 "was changed, or belongs to another vTPM");
	if (e)
		return e;
	if (ttlv_find(&payload, TAG_DATA, TTLV_BYTES, &text) || text.len != len)
		return kmip_malformed(k, err);
	*out = secret_new(len);
	if (!*out)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	memcpy((*out)->data, text.value, len);
	return 0;
}
