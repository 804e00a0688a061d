/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_KEYS_KMIP_WRAP_H
#define VTPM_KEYS_KMIP_WRAP_H

#include "keys/kmip/message.h"

/* What wrapping adds at most; the layout is in key-providers.rst. */
#define KMIP_WRAP_OVERHEAD 56

/* *len is how much of @out, plain->len + KMIP_WRAP_OVERHEAD, was used. */
int kmip_wrap(struct kmip *k, const char *id, const uint8_t context[UUID_LEN],
	      const struct secret *plain, uint8_t *out, size_t *len,
	      struct error *err);
/*
 * VTPM_ERR_KEY_WRONG for anything that was not wrapped this way. A key that is
 * needed here is fetched once for each connection.
 */
int kmip_unwrap(struct kmip *k, const char *id, const uint8_t context[UUID_LEN],
		const uint8_t *wrapped, size_t len, struct secret **out,
		struct error *err);

#endif
