/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The endorsement keys of a vTPM, by way of vtpm-identity. What is public of
 * them, "facts", is a JSON object: Documentation/identity.rst. These wait and
 * belong into jobs.
 */
#ifndef VTPM_VTPMD_IDENTITY_H
#define VTPM_VTPMD_IDENTITY_H

#include <jansson.h>

#include "util/ek-type.h"
#include "vtpmd/config.h"

/* One bit for each of ek_types[]. */
#define EK_BIT(type) (1U << (type))

/* Those that are made where nothing else is asked for. */
unsigned int identity_default_types(void);

/* A request of vtpm-identity's, which is consumed; *reply is a new reference. */
int identity_ask(const struct config *cfg, const char *name, json_t *request,
		 json_t **reply, struct error *err);
/* Make the keys of @types in the vTPM whose engine runs. */
int identity_make(const struct config *cfg, const char *name,
		  unsigned int types, json_t **facts, struct error *err);
/*
 * Have PCRs in these banks, an array of names, and in no others, from the next
 * start of the engine on.
 */
int identity_allocate(const struct config *cfg, const char *name,
		      const json_t *banks, struct error *err);
/*
 * The same where the vTPM has the keys of another one: its endorsement seed is
 * replaced first, and its certificates are removed.
 */
int identity_replace(const struct config *cfg, const char *name,
		     unsigned int types, json_t **facts, struct error *err);
/* The facts of keys that are there already. */
int identity_read(const struct config *cfg, const char *name,
		  unsigned int types, json_t **facts, struct error *err);
/*
 * The facts of all keys that a TPM from elsewhere has, with the certificates
 * that are in it, as far as these are for its keys.
 */
int identity_find(const struct config *cfg, const char *name, json_t **facts,
		  struct error *err);
/*
 * Write the chain of @facts, and the certificates of those keys of @types that
 * have one.
 */
int identity_write(const struct config *cfg, const char *name,
		   unsigned int types, const json_t *facts, struct error *err);

/* The key of @type in @facts; borrowed, or NULL. */
json_t *facts_key(const json_t *facts, int type);
/*
 * Put a certificate, an object as vtpm-ca answers it, to its key, and the @n
 * certificates of its @chain, of base64, to those that are there.
 */
int facts_add_certificate(json_t *facts, const json_t *certificate,
			  const json_t *chain, const char *issued_by);
/* As the control API has it; a new reference, or NULL. */
json_t *facts_to_json(const json_t *facts, const char *name);
/* The short form of it for lists. */
json_t *facts_summary(const json_t *facts);

#endif
