// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "keys/kmip/protocol.h"

int kmip_get(struct kmip *k, const char *id, struct secret **out,
	     struct error *err)
{
	struct ttlv payload, object, block, value, material;
	struct kmip_request r;
	uint32_t algorithm;
	int e;

	kmip_begin(k, DO_GET, &r);
	ttlv_text(&r.w, TAG_ID, id);
	ttlv_u32(&r.w, TAG_KEY_FORMAT, TTLV_ENUM, 1); /* raw */
	e = kmip_call(k, &r, &payload, err);
	if (e)
		return e;
	if (ttlv_find(&payload, TAG_SYMMETRIC_KEY, TTLV_STRUCTURE, &object) ||
	    ttlv_find(&object, TAG_KEY_BLOCK, TTLV_STRUCTURE, &block) ||
	    ttlv_find_u32(&block, TAG_ALGORITHM, TTLV_ENUM, &algorithm) ||
	    ttlv_find(&block, TAG_KEY_VALUE, TTLV_STRUCTURE, &value) ||
	    ttlv_find(&value, TAG_KEY_MATERIAL, TTLV_BYTES, &material) ||
	    algorithm != 3 || material.len != KMIP_KEY_LEN)
		return kmip_malformed(k, err);
	*out = secret_new(KMIP_KEY_LEN);
	if (!*out)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	memcpy((*out)->data, material.value, KMIP_KEY_LEN);
	return 0;
}
