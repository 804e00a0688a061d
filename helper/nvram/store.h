/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state file of one vTPM: reading and writing it whole and durably.
 * Layout and rules: Documentation/nvram-format.rst.
 *
 * The manager makes a file (nvram_create) and reads headers
 * (nvram_read_header); the engine opens the state with the data key
 * (nvram_open) and writes it (nvram_commit). Nobody else touches a file.
 */
#ifndef VTPM_NVRAM_STORE_H
#define VTPM_NVRAM_STORE_H

#include <stdint.h>

#include "util/cleanup.h"
#include "util/error.h"
#include "util/secret.h"
#include "util/text.h"

#define NVRAM_KEY_LEN 32	      /* data key, AES-256 */
#define NVRAM_MAX_KEY_ID 128	      /* bytes of text */
#define NVRAM_MAX_WRAPPED 2048	      /* bytes */
#define NVRAM_MAX_STATE (1024 * 1024) /* bytes of one state */

/* What the manager knows of a vTPM without any key. */
struct nvram_info {
	uint8_t uuid[UUID_LEN];
	char name[NAME_MAX_LEN + 1]; /* at creation; informative */
	char provider[NAME_MAX_LEN + 1];
	char key_id[NVRAM_MAX_KEY_ID + 1];
	uint8_t wrapped[NVRAM_MAX_WRAPPED];
	uint32_t wrapped_len;
	uint32_t library_version; /* TPMLIB_GetVersion() */
	char profile[64];	  /* libtpms profile, or empty */
	uint64_t created;	  /* seconds since the epoch */
	uint64_t generation;	  /* newest slot that looks whole */
};

/*
 * Write a new file without state through @fd (empty, read-write): both
 * headers and zero-filled slots, synced. @file names it in errors.
 */
int nvram_create(int fd, const char *file, const struct nvram_info *info,
		 const struct secret *key, struct error *err);

/*
 * The header, by the better of its two copies; checksums are verified, the
 * authentication (which needs the key) is not. The file is not changed.
 */
int nvram_read_header(int fd, const char *file, struct nvram_info *info,
		      struct error *err);

struct nvram;

/*
 * Open the file for use; it stays the caller's descriptor. A header copy or a
 * slot that is damaged is mended from the other one where that loses nothing.
 * Errors: VTPM_ERR_KEY_WRONG, VTPM_ERR_CORRUPT (naming the part),
 * VTPM_ERR_VERSION, VTPM_ERR_STORAGE; the file is untouched then.
 */
int nvram_open(int fd, const char *file, const struct secret *key,
	       struct nvram **out, struct error *err);

/*
 * The state found at open, owned by @n until nvram_close() or
 * nvram_forget_state(); *len is 0 for a file that never had one.
 */
const void *nvram_state(const struct nvram *n, uint32_t *len);
void nvram_forget_state(struct nvram *n);

/*
 * Make @state durable: one pwrite and one fdatasync, plus growth of the file
 * where the slot is too small. On failure (negative errno, VTPM_ERR_NO_SPACE
 * or VTPM_ERR_STORAGE) the last committed state is still in the file and the
 * call may be repeated.
 */
int nvram_commit(struct nvram *n, const void *state, uint32_t len,
		 struct error *err);

/*
 * Write the last committed state to the other slot as well, so that one
 * damaged byte anywhere loses nothing. Does nothing if that is so already.
 */
int nvram_mirror(struct nvram *n, struct error *err);

/* Record the library version and profile in the headers if they changed. */
int nvram_set_library(struct nvram *n, uint32_t version, const char *profile,
		      struct error *err);

/*
 * Put another wrap of the same data key into the headers (a shallow rekey).
 * The slots stay as they are. Not while another process has the file open.
 */
int nvram_set_wrapped(struct nvram *n, const char *provider, const char *key_id,
		      const void *wrapped, uint32_t len, struct error *err);

uint64_t nvram_generation(const struct nvram *n);
const struct nvram_info *nvram_get_info(const struct nvram *n);
/* Wipes keys and state. NULL is fine. */
void nvram_close(struct nvram *n);
DEFINE_CLEANUP(nvram, struct nvram *, nvram_close)

#endif
