/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The built-in CA: its state, ca/ca.json, and what vtpm-ca is asked to do with
 * it. Private keys are in that file, sealed under a data key that a provider
 * has wrapped; the manager hands both on and never sees one of them. These wait
 * and belong into jobs, but for ca_uses_provider().
 */
#ifndef VTPM_VTPMD_CA_H
#define VTPM_VTPMD_CA_H

#include <stdbool.h>

#include <jansson.h>

#include "util/secret.h"
#include "vtpmd/config.h"

struct ca_options {
	const char *provider;  /* wraps the data key */
	const char *algorithm; /* p384 or rsa3072; NULL: p384 */
	const char *name;      /* in subjects; NULL: one by its UUID */
	const char *aia, *crl; /* URLs or NULL */
};

/* For so long a list of revoked certificates is good, if nobody says. */
#define CA_CRL_DAYS 30

/* Make it. VTPM_ERR_EXISTS if there is one. */
int ca_init(const struct config *cfg, const struct ca_options *o,
	    struct error *err);

/* The CA, and its data key, ready to issue. */
struct ca {
	json_t *state;
	struct secret *key;
};
#define CA_NONE ((struct ca){ 0 })

/* That which is there or, if there is none, one by @o. */
int ca_open(const struct config *cfg, const struct ca_options *o,
	    struct ca *out, struct error *err);
void ca_close(struct ca *ca);
/* Certificates for all keys of @facts. */
int ca_issue(const struct config *cfg, const struct ca *ca, json_t *facts,
	     struct error *err);

/* A new issuing certificate; those before it stay valid. */
int ca_renew(const struct config *cfg, struct error *err);
/* The data key wrapped anew, by @provider or, if NULL, by whose wrap it has. */
int ca_rekey(const struct config *cfg, const char *provider, struct error *err);
/* New lists of what is revoked, one for each issuing certificate. */
int ca_make_crls(const struct config *cfg, int days, struct error *err);
/* Revoke these serials, an array of texts, and make new lists. */
int ca_revoke(const struct config *cfg, const json_t *serials,
	      struct error *err);
/* Forget it and its keys for good. */
int ca_remove(const struct config *cfg, struct error *err);

/* As the control API has it; a new reference. */
int ca_show(const struct config *cfg, json_t **out, struct error *err);
/* "root", "issuing", "chain" or "crl" as PEM; a new reference to a text. */
int ca_export(const struct config *cfg, const char *what, json_t **out,
	      struct error *err);

/* Was its data key wrapped by @provider? Reads a small file. */
bool ca_uses_provider(const struct config *cfg, const char *provider,
		      const char *key_id);

#endif
