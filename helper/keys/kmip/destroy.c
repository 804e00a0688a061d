// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "keys/kmip/protocol.h"

#define CESSATION_OF_OPERATION 6

/* A key that is active cannot be destroyed (KMIP 1.2, section 3.22). */
static int revoke_key(struct kmip *k, const char *id, struct error *err)
{
	struct kmip_request r;
	struct ttlv payload;

	kmip_begin(k, DO_REVOKE, &r);
	ttlv_text(&r.w, TAG_ID, id);
	ttlv_open(&r.w, TAG_REVOCATION_REASON);
	ttlv_u32(&r.w, TAG_REVOCATION_CODE, TTLV_ENUM, CESSATION_OF_OPERATION);
	ttlv_close(&r.w);
	return kmip_call(k, &r, &payload, err);
}

int kmip_destroy(struct kmip *k, const char *id, struct error *err)
{
	struct kmip_request r;
	struct ttlv payload;
	struct kmip_key key;
	int e = kmip_find(k, id, &key, err);

	if (!e && key.state == KMIP_ACTIVE)
		e = revoke_key(k, id, err);
	if (e)
		return e;
	kmip_begin(k, DO_DESTROY, &r);
	ttlv_text(&r.w, TAG_ID, id);
	return kmip_call(k, &r, &payload, err);
}
