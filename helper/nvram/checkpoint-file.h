/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of a checkpoint: a state, sealed, on tmpfs, that lives no longer than
 * the host does and is written without a system call, of which only what has
 * changed is sealed again; and behind it a log. One a process.
 * Documentation/nvram-format.rst, "Checkpoint".
 */
#ifndef VTPM_NVRAM_CHECKPOINT_FILE_H
#define VTPM_NVRAM_CHECKPOINT_FILE_H

#include "nvram/store.h"

#define CHECKPOINT_FILE "the checkpoint" /* in messages */
/* What is compared, and sealed or not. */
#define CHECKPOINT_BLOCK 256

/* In the empty file @fd, which stays the caller's. */
int checkpoint_file_create(int fd, const uint8_t uuid[UUID_LEN],
			   const struct secret *data_key, struct error *err);

/* What one holds: a state, and what has been done since. */
struct checkpoint_stored {
	uint8_t *state;
	uint32_t len;
	uint8_t *log; /* entries, for checkpoint_stored_entry() */
	uint32_t log_len;
};
/* Wipe and free. */
void checkpoint_stored_clear(struct checkpoint_stored *c);
/*
 * The entry at *at, which goes on to the next one; begin with 0. Its bytes, and
 * their number in *len; NULL: there is no more.
 */
const uint8_t *checkpoint_stored_entry(const struct checkpoint_stored *c,
				       uint32_t *at, uint32_t *len);

/*
 * Open the one of the vTPM @uuid and read it into @out, which is to be cleared.
 * VTPM_ERR_KEY_WRONG if @data_key is none of its keys; VTPM_ERR_CORRUPT if it
 * holds no state, or something that no kill explains.
 */
int checkpoint_file_open(int fd, const uint8_t uuid[UUID_LEN],
			 const struct secret *data_key,
			 struct checkpoint_stored *out, struct error *err);
/* Wipe what is kept of it here. The file stays. */
void checkpoint_file_close(void);

struct checkpoint_part {
	const void *data;
	uint32_t len;
};
/* Where a part of @len bytes ends, and the next begins. */
#define CHECKPOINT_ALIGN(len)                                        \
	(((size_t)(len) + CHECKPOINT_BLOCK - 1) / CHECKPOINT_BLOCK * \
	 CHECKPOINT_BLOCK)

/*
 * Write the state that these parts make, each at a block's begin. A process that
 * is killed meanwhile leaves this one or that of before. On failure that is
 * still there, and the call may be repeated.
 */
int checkpoint_file_write(const struct checkpoint_part *parts, unsigned int n,
			  struct error *err);

/*
 * When nothing is to be done for a while: give back the memory of the state before
 * the one that counts. The next that needs its place makes another.
 */
void checkpoint_file_settle(void);

/* The longest entry of the log, bytes. */
#define CHECKPOINT_MAX_ENTRY 1024
/*
 * Add an entry to the log of what has been done since the state was written,
 * whole or, after a kill, not at all. -EAGAIN: it is too long, the log is full, or
 * no state has been written since the file was opened; then write one.
 */
int checkpoint_file_append(const struct checkpoint_part *parts, unsigned int n,
			   struct error *err);

/*
 * Have @data_key open the file as well, in place of one added before. Once it
 * is the vTPM's, checkpoint_file_switch() makes it the only one.
 */
int checkpoint_file_add(const struct secret *data_key, struct error *err);
void checkpoint_file_switch(void);

#endif
