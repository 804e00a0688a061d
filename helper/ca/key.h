/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private keys of the CA, and how they are kept: PKCS#8, sealed with
 * AES-256-GCM (util/hkdf-gcm.h) under the CA's data key, bound to the CA and to
 * what the key is for.
 */
#ifndef VTPM_CA_KEY_H
#define VTPM_CA_KEY_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "ca/request.h"

DEFINE_CLEANUP(pkey, EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(x509, X509 *, X509_free)
DEFINE_CLEANUP(bio, BIO *, BIO_free)
DEFINE_CLEANUP(bn, BIGNUM *, BN_free)
DEFINE_CLEANUP(integer, ASN1_INTEGER *, ASN1_INTEGER_free)
DEFINE_CLEANUP(octets, ASN1_OCTET_STRING *, ASN1_OCTET_STRING_free)

/* The root is number 0, the issuing ones are those of their certificates. */
struct key_place {
	const struct secret *data_key;
	const uint8_t *uuid; /* of the CA */
	uint32_t number;
};

EVP_PKEY *key_generate(enum ca_algorithm algorithm);
/* The caller frees *out. 0, or a negative errno with @err. */
int key_seal(const struct key_place *at, EVP_PKEY *key, uint8_t **out,
	     size_t *len, struct error *err);
/* VTPM_ERR_KEY_WRONG for what was not sealed at the same place. */
int key_open(const struct key_place *at, const uint8_t *sealed, size_t len,
	     EVP_PKEY **out, struct error *err);

/* "WHAT: " and OpenSSL's reason, VTPM_ERR_IDENTITY. */
int openssl_failed(struct error *err, const char *what);

#endif
