/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of the state directory. Nothing here keeps anything in memory, so
 * jobs and the main loop use it alike.
 */
#ifndef VTPM_VTPMD_REGISTRY_H
#define VTPM_VTPMD_REGISTRY_H

#include "nvram/store.h"
#include "vtpmd/config.h"
#include "vtpmd/provider.h"
#include "vtpmd/settings.h"

/* While a vTPM is made, and while it is deleted, its file is called so. */
#define SUFFIX_NEW ".new"
#define SUFFIX_OLD ".old"

/* How the files of vTPMs end, and those about them and about providers. */
#define NVRAM_SUFFIX ".nvram"
#define JSON_SUFFIX ".json"

#define FILE_NAME_LEN (NAME_MAX_LEN + 32)

/* "NAME.nvram", or ".NAME.nvram.SUFFIX" where there is one. */
void registry_file(const char *name, const char *suffix,
		   char out[FILE_NAME_LEN]);

/* A directory that vTPMs have their files in. */
struct folder {
	int fd;
	const char *path;
};

/* That of an ephemeral vTPM, or of any other. */
struct folder registry_folder(const struct config *cfg, bool ephemeral);
/* Is there an ephemeral vTPM @name, whole or in the making? */
bool registry_is_ephemeral(const struct config *cfg, const char *name);
/* That of the vTPM @name. */
struct folder registry_folder_of(const struct config *cfg, const char *name);

/* Call @fn for every name of a "NAME.nvram"; stops at its first error. */
int registry_scan(const struct config *cfg,
		  int (*fn)(const char *name, void *arg), void *arg,
		  struct error *err);
/* Remove what an operation that was cut off left behind. */
void registry_clean(const struct config *cfg);

/* The path of the file of @name, for messages. */
void registry_path(const struct config *cfg, const char *name,
		   char path[PATH_MAX]);
/* VTPM_ERR_NOT_FOUND if there is no such file. */
int registry_open(const struct config *cfg, const char *name, int flags,
		  int *fd, struct error *err);
/* The lock that makes a vTPM run in one place; VTPM_ERR_IN_USE. */
int registry_lock(int fd, const char *name, struct error *err);
int registry_read_header(const struct config *cfg, const char *name,
			 struct nvram_info *info, struct error *err);

/* NAME.json; a vTPM without one has the defaults. */
int registry_load_settings(const struct config *cfg, const char *name,
			   struct settings *out, struct error *err);
int registry_save_settings(const struct config *cfg, const char *name,
			   const struct settings *s, struct error *err);

/*
 * identity/NAME.json, what is public of the endorsement keys: a new reference,
 * or NULL where there are none, or those of another UUID.
 */
json_t *registry_load_facts(const struct config *cfg, const char *name,
			    const uint8_t uuid[UUID_LEN]);
int registry_save_facts(const struct config *cfg, const char *name,
			bool ephemeral, const uint8_t uuid[UUID_LEN],
			json_t *facts, struct error *err);
void registry_remove_facts(const struct config *cfg, const char *name,
			   bool ephemeral);
/* NAME.json and the facts. */
void registry_remove_notes(const struct config *cfg, const char *name,
			   bool ephemeral);

int registry_load_provider(const struct config *cfg, const char *name,
			   struct provider_ref *out, bool *is_default,
			   struct error *err);
int registry_save_provider(const struct config *cfg,
			   const struct provider_ref *p, bool is_default,
			   struct error *err);
/* Not to be there is no error. */
int registry_remove_provider(const struct config *cfg, const char *name,
			     struct error *err);
/* As registry_scan(), for providers. */
int registry_scan_providers(const struct config *cfg,
			    int (*fn)(const char *name, void *arg), void *arg,
			    struct error *err);

/* Overwrite the file and remove it: without its wrapped key it opens no more.
 */
int registry_shred(struct folder folder, int fd, const char *file,
		   struct error *err);
/*
 * Give a file a name that is free, and sync the directory: VTPM_ERR_EXISTS if it
 * is not.
 */
int registry_rename(struct folder folder, const char *from, const char *to,
		    struct error *err);
int registry_sync(struct folder folder, struct error *err);

#endif
