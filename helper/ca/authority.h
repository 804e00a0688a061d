/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operations of vtpm-ca. Each puts its result into @reply. */
#ifndef VTPM_CA_AUTHORITY_H
#define VTPM_CA_AUTHORITY_H

#include "ca/certificate.h"

/* @key is the CA's data key, NULL for those that need none. */
typedef int (*ca_operation_fn)(const struct ca_request *r,
			       const struct secret *key, json_t *reply,
			       struct error *err);

int ca_new(const struct ca_request *r, const struct secret *key, json_t *reply,
	   struct error *err);
int ca_renew(const struct ca_request *r, const struct secret *key,
	     json_t *reply, struct error *err);
int ca_issue(const struct ca_request *r, const struct secret *key,
	     json_t *reply, struct error *err);
int ca_crl(const struct ca_request *r, const struct secret *key, json_t *reply,
	   struct error *err);
int ca_request_text(const struct ca_request *r, const struct secret *key,
		    json_t *reply, struct error *err);
int ca_check(const struct ca_request *r, const struct secret *key,
	     json_t *reply, struct error *err);
int ca_describe(const struct ca_request *r, const struct secret *key,
		json_t *reply, struct error *err);

/* The key of @a, sealed as number @number, and its certificate; freed by the
 * caller. */
int authority_open(const struct ca_request *r, const struct ca_authority *a,
		   uint32_t number, const struct secret *data_key, X509 **cert,
		   EVP_PKEY **key, struct error *err);

#endif
