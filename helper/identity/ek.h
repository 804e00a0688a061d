/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Endorsement keys by the TCG EK Credential Profile for TPM 2.0, 2.x. */
#ifndef VTPM_IDENTITY_EK_H
#define VTPM_IDENTITY_EK_H

#include <stdbool.h>

#include <tss2/tss2_esys.h>

#include "util/ek-type.h"
#include "util/error.h"

struct ek_public {
	TPM2B_PUBLIC public;
	TPM2B_NAME name;
};

/*
 * Make the key of @type, an index of ek_types[], and keep it at its handle. 0
 * or a negative errno. Where whoever owns the TPM has set a password it is not
 * kept, which is for the owner to do: it can be made again at any time.
 */
int ek_make(ESYS_CONTEXT *esys, int type, struct ek_public *out,
	    struct error *err);
/*
 * The one that is there; where it was evicted it is made again, for which the
 * endorsement hierarchy must have no password.
 */
int ek_read(ESYS_CONTEXT *esys, int type, struct ek_public *out,
	    struct error *err);
/*
 * The one at its handle, if there is one of that type; *there says so. What the
 * owner of the TPM has put there in its place is none.
 */
int ek_find(ESYS_CONTEXT *esys, int type, struct ek_public *out, bool *there,
	    struct error *err);

/*
 * Another endorsement seed: TPM2_ChangeEPS. Every key of that hierarchy is gone,
 * its password and policy are none; the platform's authorisation must be empty.
 */
int ek_change_seed(ESYS_CONTEXT *esys, struct error *err);

#endif
