/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_KEYS_KMIP_ATTRIBUTE_H
#define VTPM_KEYS_KMIP_ATTRIBUTE_H

#include "keys/kmip/protocol.h"

/* Add an attribute: its name before KMIP 2.0, its tag since. */
void kmip_put_u32(const struct kmip *k, struct kmip_request *r,
		  const char *name, uint32_t tag, enum ttlv_type type,
		  uint32_t value);
/* Object Group, our label. */
void kmip_put_group(const struct kmip *k, struct kmip_request *r);
/*
 * "LABEL TIME"; when it was made is nowhere else as exact. -EINVAL if the
 * clock has no usable time.
 */
int kmip_put_name(const struct kmip *k, struct kmip_request *r);

/* -EBADMSG if it is no text that can be kept as an id. */
int kmip_take_id(const struct ttlv *item, char id[PROVIDER_MAX_KEY_ID + 1]);
/* State and name of a key, destroyed or not; @out is whole on success only. */
int kmip_attributes(struct kmip *k, const char *id, struct kmip_key *out,
		    struct error *err);

#endif
