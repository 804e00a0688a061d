// SPDX-License-Identifier: GPL-2.0-or-later
/* What a server says that it can do: Query (KMIP 1.2, section 4.25). */
#include <errno.h>

#include "keys/kmip/protocol.h"

#define QUERY_OPERATIONS 1

/* Of the operations that are listed: how many, and are both of ours there? */
static bool lists_cipher(const struct ttlv *payload, size_t *count)
{
	struct ttlv_reader r = ttlv_children(payload);
	bool encrypt = false, decrypt = false;
	struct ttlv item;
	uint32_t v;

	*count = 0;
	while (ttlv_next(&r, &item) > 0) {
		if (item.tag != TAG_OPERATION ||
		    ttlv_get_u32(&item, TTLV_ENUM, &v))
			continue;
		++*count;
		encrypt |= v == DO_ENCRYPT;
		decrypt |= v == DO_DECRYPT;
	}
	return encrypt && decrypt;
}

int kmip_query_cipher(struct kmip *k, struct error *err)
{
	struct error one = { 0 };
	struct kmip_request r;
	struct ttlv payload;
	size_t count;
	int e;

	kmip_begin(k, DO_QUERY, &r);
	ttlv_u32(&r.w, TAG_QUERY_FUNCTION, TTLV_ENUM, QUERY_OPERATIONS);
	e = kmip_call(k, &r, &payload, &one);
	if (e && k->lost)
		return error_set(err, e, one.code, "%s", one.text);
	/* One that does not tell is tried. */
	if (e || lists_cipher(&payload, &count) || !count)
		return 0;
	return error_set(err, -EOPNOTSUPP, VTPM_ERR_NOT_SUPPORTED,
			 "%s does not offer Encrypt and Decrypt; use "
			 "\"mode\": \"get\"",
			 k->tls.server->name);
}
