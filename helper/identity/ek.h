/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Endorsement keys by the TCG EK Credential Profile for TPM 2.0, 2.x. */
#ifndef VTPM_IDENTITY_EK_H
#define VTPM_IDENTITY_EK_H

#include <stddef.h>
#include <stdint.h>

#include <tss2/tss2_esys.h>

#include "util/error.h"

struct ek_template {
	const char *name;   /* as the profile calls it */
	TPM2_HANDLE handle; /* persistent handle */
	const TPM2B_PUBLIC *public;
};

/* The low range's two templates, L-1 (RSA-2048) and L-2 (ECC P-256). */
extern const struct ek_template ek_templates[];
extern const size_t ek_template_count;

/*
 * Make the key of @t and keep it at its handle. @name (sizeof(TPMU_NAME)
 * bytes) and *name_len take the key's Name. 0 or a negative errno.
 */
int ek_make(ESYS_CONTEXT *esys, const struct ek_template *t, uint8_t *name,
	    size_t *name_len, struct error *err);

#endif
