/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One member of a request, checked: 0, or a negative errno with @err. */
#ifndef VTPM_CA_REQUEST_MEMBER_H
#define VTPM_CA_REQUEST_MEMBER_H

#include <stdint.h>

#include <jansson.h>

#include "util/error.h"

/* -EINVAL, with an @err that says that @name is not @what. */
int member_bad(struct error *err, const char *name, const char *what);
/* Printable ASCII: it goes into certificates, and from there anywhere. */
int member_text(const json_t *json, const char *name, size_t max,
		const char **out, struct error *err);
/*
 * What a TPM calls itself also goes into a configuration of OpenSSL, where
 * other characters mean something.
 */
int member_plain(const json_t *json, const char *name, size_t max,
		 const char **out, struct error *err);
/* A number of @min to @max. */
int member_number(const json_t *json, const char *name, uint32_t min,
		  uint32_t max, uint32_t *out, struct error *err);
/* 1 to @max bytes, in base64: the caller frees *out. */
int member_bytes(const json_t *json, const char *name, size_t max,
		 uint8_t **out, size_t *len, struct error *err);
/* Text of at most CA_MAX_PEM bytes. */
int member_pem(const json_t *json, const char *name, const char **out,
	       struct error *err);
/* It need not be there; then *out stays as it is. */
int member_url(const json_t *json, const char *name, const char **out,
	       struct error *err);

#endif
