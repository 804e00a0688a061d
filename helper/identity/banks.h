/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCR banks, by name: sha1, sha256, sha384, sha512. */
#ifndef VTPM_IDENTITY_BANKS_H
#define VTPM_IDENTITY_BANKS_H

#include <jansson.h>
#include <tss2/tss2_esys.h>

#include "util/error.h"

/* Those that have PCRs, an array of names; a new reference. */
int banks_read(ESYS_CONTEXT *esys, json_t **out, struct error *err);
/*
 * Have all PCRs in the banks of @names and none in the others, from the next
 * power cycle on: TPM2_PCR_Allocate. VTPM_ERR_INVALID for what is no bank of it.
 */
int banks_allocate(ESYS_CONTEXT *esys, const json_t *names, struct error *err);

#endif
