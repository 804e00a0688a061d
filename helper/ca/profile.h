/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TCG EK Credential Profile for TPM 2.0: what has to be in the certificate
 * of an endorsement key, put in and found again.
 */
#ifndef VTPM_CA_PROFILE_H
#define VTPM_CA_PROFILE_H

#include "ca/certificate.h"

/* The section of profile_config() that has the extensions. */
#define PROFILE_SECTION "ek"

/*
 * The key of @p, if it is one of its type and sound; the caller frees *out.
 * VTPM_ERR_IDENTITY if it is not.
 */
int profile_public(const struct ca_public *p, EVP_PKEY **out,
		   struct error *err);

/*
 * The extensions of the certificate of an EK as a configuration of OpenSSL:
 * what our own CA goes by, and what another one can. @aia and @crl may be NULL.
 * The caller frees it.
 */
char *profile_config(const struct ca_tpm *tpm, const struct ek_type *type,
		     const char *aia, const char *crl);

/* Is @cert as the profile wants it? VTPM_ERR_CERTIFICATE says why not. */
int profile_check(X509 *cert, const struct ca_tpm *tpm,
		  const struct ek_type *type, struct error *err);

#endif
