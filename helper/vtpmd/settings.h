/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this host wants of a vTPM: NAME.json, and nothing that makes the TPM. */
#ifndef VTPM_VTPMD_SETTINGS_H
#define VTPM_VTPMD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "util/error.h"

#define SETTINGS_MAX_NOTES 1024 /* bytes */

struct settings {
	bool autostart;
	uint32_t uid, gid;   /* of both device nodes */
	uint32_t mode;	     /* at most 0666 */
	uint64_t generation; /* of the file when it last stopped; 0: unknown */
	char notes[SETTINGS_MAX_NOTES + 1]; /* UTF-8; empty: none */
};

#define SETTINGS_DEFAULT ((struct settings){ .mode = 0600 })

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
