/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of state files, without their keys. These wait and belong into jobs. */
#ifndef VTPM_VTPMD_STATE_COPY_H
#define VTPM_VTPMD_STATE_COPY_H

#include "nvram/store.h"

/* All of the file, in memory; the caller closes *out. */
int state_copy_to_memory(int from, int *out);
/*
 * The same of one whose engine may be writing to it: a copy that has a state
 * at least as new as the newest that was in @from when this was called. @file
 * names it in errors; @info is what stands in the copy.
 */
int state_copy_live(int from, const char *file, int *out,
		    struct nvram_info *info, struct error *err);
/*
 * Make @to, a regular file, hold all of @from, which is in memory, and nothing
 * else, and sync it. 0 or a negative errno.
 */
int state_copy_write(int from, int to);

#endif
