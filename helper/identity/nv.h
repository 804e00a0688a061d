/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Certificates in NV, as the profile has them: written and removed with the
 * platform's authorisation, which is empty after TPM2_Startup(CLEAR) whatever
 * passwords the TPM's owner has set; readable for everybody.
 */
#ifndef VTPM_IDENTITY_NV_H
#define VTPM_IDENTITY_NV_H

#include <tss2/tss2_esys.h>

#include "util/ek-type.h"
#include "util/error.h"

/*
 * Make @index hold @data and nothing else, whatever it was before; @len is 1
 * to EK_MAX_CERTIFICATE.
 */
int nv_write(ESYS_CONTEXT *esys, TPM2_HANDLE index, const uint8_t *data,
	     size_t len, struct error *err);
/*
 * What @index holds, into @data of EK_MAX_CERTIFICATE bytes. *len is 0 if there
 * is none, or none that everybody may read.
 */
int nv_read(ESYS_CONTEXT *esys, TPM2_HANDLE index, uint8_t *data, size_t *len,
	    struct error *err);
/* It is no error if there is none. */
int nv_remove(ESYS_CONTEXT *esys, TPM2_HANDLE index, struct error *err);

/*
 * Remove all indices from @first to @last, whoever has defined them. One that only
 * a policy deletes is an error.
 */
int nv_remove_range(ESYS_CONTEXT *esys, TPM2_HANDLE first, TPM2_HANDLE last,
		    struct error *err);

#endif
