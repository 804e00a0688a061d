/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates and CRLs in the making; what is in them is profile.c's. */
#ifndef VTPM_CA_CERTIFICATE_H
#define VTPM_CA_CERTIFICATE_H

#include "ca/key.h"

#define OID_TPM_MANUFACTURER "2.23.133.2.1"
#define OID_TPM_MODEL "2.23.133.2.2"
#define OID_TPM_VERSION "2.23.133.2.3"
#define OID_TPM_SPECIFICATION "2.23.133.2.16"
#define OID_EK_CERTIFICATE "2.23.133.8.1"

/*
 * A certificate of version 3 for @key by @issuer, which is NULL for one that
 * signs itself: 128 random bits of serial number, valid from now on without an
 * end. NULL if OpenSSL fails.
 */
X509 *certificate_new(EVP_PKEY *key, X509 *issuer);
/* An extension by OpenSSL's text for it; 0 or -EIO. */
int certificate_add(X509 *cert, X509 *issuer, int nid, const char *value);
/* One of @der, which is not looked at; 0 or -EIO. */
int certificate_add_der(X509 *cert, const char *oid, bool critical,
			const uint8_t *der, size_t len);
/* With SHA-384; 0 or -EIO. */
int certificate_sign(X509 *cert, EVP_PKEY *key);

/*
 * Member "certificate" and what people and vtpmd want to know of it; a new
 * reference, or NULL.
 */
json_t *certificate_to_json(X509 *cert);

/* The certificate that @der is, and nothing but; NULL if it is none. */
X509 *certificate_from_der(const uint8_t *der, size_t len);

#endif
