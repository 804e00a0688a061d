/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of a checkpoint: a state file on tmpfs that lives no longer than the
 * host does, written without a system call. One a process.
 * Documentation/nvram-format.rst, "Checkpoint".
 */
#ifndef VTPM_NVRAM_CHECKPOINT_FILE_H
#define VTPM_NVRAM_CHECKPOINT_FILE_H

#include "nvram/store.h"

#define CHECKPOINT_FILE "the checkpoint" /* in messages */

/* In the empty file @fd, which stays the caller's; for use with nvram_*(). */
int checkpoint_file_create(int fd, const struct nvram_info *info,
			   const struct secret *data_key, struct nvram **out,
			   struct error *err);
/*
 * Open the one of the vTPM @uuid. VTPM_ERR_KEY_WRONG if @data_key is none of
 * its keys; else as nvram_open().
 */
int checkpoint_file_open(int fd, const uint8_t uuid[UUID_LEN],
			 const struct secret *data_key, struct nvram **out,
			 struct error *err);

/*
 * Have @data_key open the file as well, in place of one added before. Once it
 * is the vTPM's, checkpoint_file_switch() makes it the only one.
 */
int checkpoint_file_add(const struct secret *data_key, struct error *err);
void checkpoint_file_switch(void);

#endif
