/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests to vtpm-ca; identity.rst has the table of them. */
#ifndef VTPM_VTPMD_CA_PROGRAM_H
#define VTPM_VTPMD_CA_PROGRAM_H

#include "vtpmd/ca.h"

/*
 * An operation with the keys of @ca. @args: of "issue" the facts, of "crl" its
 * own members. *reply is a new reference.
 */
int ca_program(const struct config *cfg, const struct ca *ca,
	       const char *operation, const json_t *args, json_t **reply,
	       struct error *err);
/*
 * "request" or "check", which need no key, for the key of @type in @facts;
 * @members is consumed.
 */
int ca_program_for_key(const struct config *cfg, const char *operation,
		       int type, const json_t *facts, json_t *members,
		       json_t **reply, struct error *err);

#endif
