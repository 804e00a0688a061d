/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PKCS#11 token that is logged into, and the AES keys on it that are ours.
 * Everything that a key needs to be found again is on the token: label is
 * "LABEL TIME", id is a UUID. The newest key with our label is the active one.
 */
#ifndef VTPM_KEYS_PKCS11_TOKEN_H
#define VTPM_KEYS_PKCS11_TOKEN_H

#include <p11-kit/pkcs11.h>

#include "keys/check.h"

#define TOKEN_MAX_KEYS 256
#define TOKEN_MAX_LABEL 64 /* bytes of "label" in the configuration */
/* YYYYMMDDTHHMMSS.uuuuuuZ, so that the order of texts is that of times. */
#define TOKEN_TIME_LEN 23

struct token {
	CK_FUNCTION_LIST **modules; /* NULL: only @module was loaded */
	CK_FUNCTION_LIST *module;
	CK_SESSION_HANDLE session;
	bool have_session;
	int lock; /* on the provider's directory; -1: none */
	char label[TOKEN_MAX_LABEL + 1];
};

struct token_key {
	CK_OBJECT_HANDLE object;
	uint8_t id[UUID_LEN];
	char time[TOKEN_TIME_LEN + 1];
};

/*
 * Find the one token of the request's configuration and log in. @c, which may
 * be NULL, notes each step.
 */
int token_open(const struct request *r, struct check *c, struct token *out,
	       struct error *err);
void token_close(struct token *t);
/* "WHAT: the token says CKR_...". */
int token_error(struct error *err, CK_RV rv, const char *what);

/* Oldest first; the caller frees *out, NULL where there is none. */
int token_list(const struct token *t, struct token_key **out, size_t *count,
	       struct error *err);
/* VTPM_ERR_KEY_MISSING if there is none of that id. */
int token_find(const struct token *t, const uint8_t id[UUID_LEN],
	       CK_OBJECT_HANDLE *out, struct error *err);
int token_destroy(const struct token *t, CK_OBJECT_HANDLE key,
		  struct error *err);
int token_generate(const struct token *t, uint8_t id[UUID_LEN],
		   struct error *err);

#endif
