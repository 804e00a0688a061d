/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of a vTPM in the making. It has a name that no one takes for a vTPM
 * until all is in it; then it gets its own. A power cut leaves a whole vTPM or
 * none. @op says which one: its name, settings, header and facts. These wait and
 * belong into jobs.
 */
#ifndef VTPM_VTPMD_NEW_FILE_H
#define VTPM_VTPMD_NEW_FILE_H

#include "vtpmd/operation.h"

/* Whose it is: @op->info gets a new UUID, the name and the time. */
void new_file_identify(struct operation *op);
/*
 * A data key of its own, @op->key, wrapped by @op->provider for the UUID of
 * @op->info.
 */
int new_file_key(struct operation *op, struct job *job, struct error *err);
/* An empty file with that key, locked. *fd is the caller's, also on failure. */
int new_file_make(struct operation *op, int *fd, struct error *err);
/* Give it its name, with the settings and the facts of @op. */
int new_file_publish(struct operation *op, struct error *err);
/*
 * A file that has what is in @from, in memory, and is to be another state of the
 * same vTPM; as new_file_make() for all else.
 */
int new_file_copy(struct operation *op, int from, int *fd, struct error *err);
/* Give that one its name, in place of the file that has it; or of none. */
int new_file_replace(struct operation *op, struct error *err);
/* It is not to be: remove it without the name. */
void new_file_discard(struct operation *op);
/*
 * Remove it, whatever its name is by now; @fd says which one is ours, and may
 * be negative.
 */
void new_file_remove(struct operation *op, int fd);

#endif
