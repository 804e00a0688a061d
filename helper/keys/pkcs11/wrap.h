/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_KEYS_PKCS11_WRAP_H
#define VTPM_KEYS_PKCS11_WRAP_H

#include "keys/pkcs11/token.h"

/* Bytes that wrapping adds; the layout is in key-providers.rst. */
#define PKCS11_WRAP_OVERHEAD 36

/* AES-GCM in the token, with @id and @context as associated data. */
int pkcs11_wrap(const struct token *t, CK_OBJECT_HANDLE key,
		const uint8_t id[UUID_LEN], const uint8_t context[UUID_LEN],
		const struct secret *plain, uint8_t *out, struct error *err);
/* VTPM_ERR_KEY_WRONG for anything that was not wrapped this way. */
int pkcs11_unwrap(const struct token *t, CK_OBJECT_HANDLE key,
		  const uint8_t id[UUID_LEN], const uint8_t context[UUID_LEN],
		  const uint8_t *wrapped, size_t len, struct secret **out,
		  struct error *err);

/* The operation "check". */
int pkcs11_check(const struct request *r, json_t *reply, struct error *err);

#endif
