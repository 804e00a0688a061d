/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Public keys as the rest of the world has them. */
#ifndef VTPM_IDENTITY_SPKI_H
#define VTPM_IDENTITY_SPKI_H

#include <tss2/tss2_tpm2_types.h>

#include "util/ek-type.h"
#include "util/error.h"

/*
 * The DER of the SubjectPublicKeyInfo of an RSA or ECC key; @out takes
 * EK_MAX_PUBLIC bytes.
 */
int spki_encode(const TPMT_PUBLIC *public, uint8_t *out, size_t *len,
		struct error *err);

#endif
