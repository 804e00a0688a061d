/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running key provider programs: the manager's side of the contract in
 * Documentation/key-providers.rst. These wait and belong into jobs.
 */
#ifndef VTPM_VTPMD_PROVIDER_H
#define VTPM_VTPMD_PROVIDER_H

#include <jansson.h>

#include "nvram/store.h"
#include "util/varlink.h"
#include "vtpmd/config.h"
#include "vtpmd/ready-key.h"

#define PROVIDER_MAX_DOCUMENT (512 * 1024) /* bytes; as base64 in a request */

/* What a job needs to know of a provider; a copy of its own. */
struct provider_ref {
	char name[NAME_MAX_LEN + 1];
	char type[NAME_MAX_LEN + 1];
	json_t *config; /* an object, or NULL */
};

void provider_ref_deinit(struct provider_ref *p);

/* Make the provider's directory if there is none. */
int provider_make_dir(const struct config *cfg, const char *name,
		      struct error *err);
/* Remove it if it is empty; 0, or a negative errno: it stays. */
int provider_remove_dir(const struct config *cfg, const char *name);
/* Is there a program for this type? */
int provider_check_type(const struct config *cfg, const char *type,
			struct error *err);

#define PROVIDER_KEY_ID_SIZE (NVRAM_MAX_KEY_ID + 1) /* bytes, with the NUL */

/* Is it printable and of sane length? It goes into files and messages. */
bool provider_key_id_valid(const char *id);
/* @id, which may be NULL, takes the key's id. */
int provider_new_key(const struct config *cfg, const struct provider_ref *p,
		     char id[PROVIDER_KEY_ID_SIZE], struct error *err);
int provider_destroy_key(const struct config *cfg, const struct provider_ref *p,
			 const char *key_id, struct error *err);
/* The context of both is the vTPM's UUID. */
int provider_wrap(const struct config *cfg, const struct provider_ref *p,
		  const struct secret *key, const uint8_t uuid[UUID_LEN],
		  struct nvram_wrap *out, struct error *err);
int provider_unwrap(const struct config *cfg, const struct provider_ref *p,
		    const uint8_t uuid[UUID_LEN], const struct nvram_wrap *w,
		    struct secret **key, struct error *err);
#define PROVIDER_MAX_MANY 256 /* items of one request */

/*
 * The same of up to PROVIDER_MAX_MANY, by one run of the program, which has a
 * minute and 250 ms for each. The key of an item that does not open stays NULL;
 * an error is of all of them. VTPM_ERR_NOT_SUPPORTED: the program cannot.
 */
int provider_unwrap_many(const struct config *cfg, const struct provider_ref *p,
			 struct ready_key *const *items, size_t n,
			 struct error *err);
/* Which of the @n items of a reply to it opened; -EPROTO for another reply. */
int provider_parse_results(const char *name, const json_t *reply, size_t n,
			   bool *opened, struct error *err);
/* The program reads the password from @password_fd, and writes to @document_fd.
 */
int provider_export(const struct config *cfg, const struct provider_ref *p,
		    int password_fd, int document_fd, struct error *err);
int provider_import(const struct config *cfg, const struct provider_ref *p,
		    int password_fd, int document_fd, struct error *err);

/*
 * Members "usable", "reason" and "keys" as the control API has them; a new
 * reference. A provider that does not answer is not usable and says why.
 */
json_t *provider_info(const struct config *cfg, const struct provider_ref *p);

/*
 * Members "passed" and "steps" as the control API has them; a new reference.
 * For a program without the operation: info, wrap and unwrap of a random value.
 */
json_t *provider_check(const struct config *cfg, const struct provider_ref *p);

/*
 * Check the reply @text of an operation: 0 and a new reference, or the error
 * that it holds.
 */
int provider_parse_reply(const char *name, const char *text, size_t len,
			 json_t **out, struct error *err);

#endif
