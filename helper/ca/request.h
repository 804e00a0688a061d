/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vtpmd asks of vtpm-ca: one JSON object, identity.rst has the table. The
 * public keys and names in it come from a TPM, a certificate that is to be
 * checked from anybody.
 */
#ifndef VTPM_CA_REQUEST_H
#define VTPM_CA_REQUEST_H

#include <jansson.h>

#include "util/ek-type.h"
#include "util/error.h"
#include "util/secret.h"
#include "util/text.h"

#define CA_MAX_REQUEST (1024 * 1024) /* bytes of JSON */
#define CA_MAX_TEXT 256		     /* of a name or a URL */
#define CA_MAX_SEALED 4096	     /* of a private key */
#define CA_MAX_DER 4096		     /* of a certificate of a CA */
#define CA_MAX_PEM (64 * 1024)	     /* of what is imported */
#define CA_MAX_REVOKED 1000
#define CA_SERIAL_LEN 20 /* bytes, RFC 5280 */

enum ca_operation {
	CA_OP_NEW,
	CA_OP_RENEW,
	CA_OP_ISSUE,
	CA_OP_CRL,
	CA_OP_REQUEST,
	CA_OP_CHECK,
	CA_OP_DESCRIBE,
	CA_OP_COUNT
};

enum ca_algorithm { CA_P384, CA_RSA3072 };

/* A CA's certificate and its private key, sealed. */
struct ca_authority {
	uint8_t *certificate, *key;
	size_t certificate_len, key_len;
};

/* What a TPM says of itself, as the profile has it. */
struct ca_tpm {
	const char *manufacturer; /* "id:" and eight hexadecimal digits */
	const char *model, *version, *family;
	uint32_t level, revision;
};

struct ca_public {
	int type; /* in ek_types[] */
	uint8_t *der;
	size_t len;
};

struct ca_revoked {
	uint8_t serial[CA_SERIAL_LEN];
	size_t len;
	int64_t time; /* seconds since the epoch */
};

/* What the operation does not have is zero. */
struct ca_request {
	json_t *json;
	enum ca_operation operation;
	uint8_t uuid[UUID_LEN];
	uint32_t generation; /* of the issuing certificate, from 1 */
	enum ca_algorithm algorithm;
	const char *name;
	struct ca_authority root, issuing;
	const char *aia, *crl; /* URLs or NULL */
	struct ca_tpm tpm;
	struct ca_public keys[EK_TYPES];
	size_t n_keys;
	uint32_t number, days;
	struct ca_revoked *revoked;
	size_t n_revoked;
	const char *certificate, *chain; /* PEM */
};

/* 0, or a negative errno with @err; ca_request_clear() after either. */
int ca_request_parse(const char *text, size_t len, struct ca_request *out,
		     struct error *err);
/* The same of an object, of which a reference is kept. */
int ca_request_take(json_t *json, struct ca_request *out, struct error *err);
void ca_request_clear(struct ca_request *r);
/* Does it come with the key that private keys are sealed with? */
bool ca_request_has_secret(const struct ca_request *r);

#endif
