// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "keys/kmip/attribute.h"

static int activate(struct kmip *k, const char *id, struct error *err)
{
	struct kmip_request r;
	struct ttlv payload;

	kmip_begin(k, DO_ACTIVATE, &r);
	ttlv_text(&r.w, TAG_ID, id);
	return kmip_call(k, &r, &payload, err);
}

int kmip_create(struct kmip *k, char id[PROVIDER_MAX_KEY_ID + 1],
		struct error *err)
{
	char made[PROVIDER_MAX_KEY_ID + 1];
	struct kmip_request r;
	struct ttlv payload, item;
	int e;

	kmip_begin(k, DO_CREATE, &r);
	ttlv_u32(&r.w, TAG_OBJECT_TYPE, TTLV_ENUM, 2); /* symmetric key */
	ttlv_open(&r.w, k->version.major >= 2 ? TAG_ATTRIBUTES : TAG_TEMPLATE);
	kmip_put_u32(k, &r, "Cryptographic Algorithm", TAG_ALGORITHM, TTLV_ENUM,
		     3);
	kmip_put_u32(k, &r, "Cryptographic Length", TAG_LENGTH, TTLV_INTEGER,
		     8 * KMIP_KEY_LEN);
	/* Encrypt, decrypt. */
	kmip_put_u32(k, &r, "Cryptographic Usage Mask", TAG_USAGE_MASK,
		     TTLV_INTEGER, 0x4 | 0x8);
	if (kmip_put_name(k, &r)) {
		secret_free(r.buf);
		return error_set(err, -EIO, VTPM_ERR_PROVIDER,
				 "the clock has no usable time; set it");
	}
	kmip_put_group(k, &r);
	e = kmip_call(k, &r, &payload, err);
	if (e)
		return e;
	if (ttlv_find(&payload, TAG_ID, TTLV_TEXT, &item) ||
	    kmip_take_id(&item, made))
		return kmip_malformed(k, err);
	e = activate(k, made, err);
	if (!e)
		memcpy(id, made, sizeof(made));
	else if (!k->lost)
		kmip_destroy(k, made, NULL);
	return e;
}
