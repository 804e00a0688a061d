/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations on a key provider, one at a time, each a job. */
#ifndef VTPM_VTPMD_PROVIDER_CHANGE_H
#define VTPM_VTPMD_PROVIDER_CHANGE_H

#include <jansson.h>

#include "vtpmd/manager.h"

extern const struct job_ops provider_add_ops, provider_backup_ops,
	provider_restore_ops;

/* One that is being made is found, too; NULL if there is none. */
struct provider *provider_find_any(struct manager *m, const char *name);
/*
 * One that is there, and one that is there and that no operation works on. NULL
 * with @err, which must not be NULL, filled in.
 */
struct provider *provider_find(struct manager *m, const char *name,
			       struct error *err);
struct provider *provider_find_idle(struct manager *m, const char *name,
				    struct error *err);
/* VTPM_ERR_BUSY while an operation works on it. */
int provider_check_idle(const struct provider *p, struct error *err);
/*
 * VTPM_ERR_BUSY while a vTPM is worked on, which may be getting a wrap of a
 * provider just now: a create, a rekey, an attach.
 */
int provider_check_at_work(struct manager *m, struct error *err);
/*
 * VTPM_ERR_IN_USE if the CA's keys are wrapped by @provider, and by its key
 * @key_id unless that is NULL; or if that cannot be told.
 */
int provider_check_ca(struct manager *m, const char *provider,
		      const char *key_id, struct error *err);
/* Names for a message; the rest is in "provider show". */
void provider_join_users(const json_t *users, char *out, size_t size);
/*
 * Start a job on @p, which is freed if it was made for that and this fails. @p
 * may be NULL where memory was short.
 */
int provider_change(struct manager *m, struct call *call,
		    const struct job_ops *ops, struct provider *p, bool is_new,
		    const char *type, json_t *config, struct error *err);

#endif
