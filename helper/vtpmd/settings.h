/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this host wants of a vTPM: NAME.json, and nothing that makes the TPM. */
#ifndef VTPM_VTPMD_SETTINGS_H
#define VTPM_VTPMD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "util/error.h"
#include "util/text.h"

#define SETTINGS_MAX_NOTES 1024 /* bytes */

/* What a vTPM was cloned from, for people; empty texts: it was not. */
struct lineage {
	char name[NAME_MAX_LEN + 1];
	char uuid[UUID_TEXT_LEN];
	char mode[16];
	uint64_t time; /* seconds since the epoch */
};

struct settings {
	bool autostart;
	uint32_t uid, gid;   /* of both device nodes */
	uint32_t mode;	     /* at most 0666 */
	uint64_t generation; /* of the file when it last stopped; 0: unknown */
	char notes[SETTINGS_MAX_NOTES + 1]; /* UTF-8; empty: none */
	struct lineage cloned_from;
};

#define SETTINGS_DEFAULT ((struct settings){ .mode = 0600 })

/* NULL if it is no clone; else a new reference. */
json_t *settings_lineage(const struct settings *s);

/* -EBADMSG with the name of the bad member in @err; @out is then untouched. */
int settings_from_json(const json_t *json, struct settings *out,
		       struct error *err);
/* A new reference, or NULL if there is no memory. */
json_t *settings_to_json(const struct settings *s);

/*
 * USER, USER:GROUP, or :GROUP, as names or numbers, like chown(1). Asks the
 * name service, so it belongs into a job. VTPM_ERR_INVALID.
 */
int settings_set_owner(struct settings *s, const char *text, struct error *err);
/* Whatever its owner has to say of it. VTPM_ERR_INVALID if it is too long. */
int settings_set_notes(struct settings *s, const char *text, struct error *err);
/* Octal digits, like chmod(1). VTPM_ERR_INVALID. */
int settings_set_mode(struct settings *s, const char *text, struct error *err);

#endif
