/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state file of one vTPM: reading and writing it whole and durably.
 * Layout and rules: Documentation/nvram-format.rst.
 *
 * The manager makes a file (nvram_create) and reads headers
 * (nvram_read_header); the engine opens the state with the data key
 * (nvram_open) and writes it (nvram_commit, nvram_set_wraps, nvram_rekey).
 * Nobody else touches a file.
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
#define NVRAM_MAX_WRAPS 8	      /* of one data key */
#define NVRAM_MAX_STATE (1024 * 1024) /* bytes of one state */

/* The data key as one provider wrapped it; any one of them opens the file. */
struct nvram_wrap {
	char provider[NAME_MAX_LEN + 1];
	char key_id[NVRAM_MAX_KEY_ID + 1];
	uint32_t len;
	uint8_t data[NVRAM_MAX_WRAPPED];
};

/* What the manager knows of a vTPM without any key. */
struct nvram_info {
	uint32_t
		version; /* of the format; nvram_create() says which it needs */
	uint8_t uuid[UUID_LEN];
	/* The vTPM that it was copied from, whose keys it has; zero: none. */
	uint8_t origin[UUID_LEN];
	char name[NAME_MAX_LEN + 1]; /* at creation; informative */
	uint32_t
		data_key; /* which one it is, from 1; rises with each new one */
	uint32_t n_wraps;
	uint32_t library_version; /* TPMLIB_GetVersion() */
	char profile[64];	  /* libtpms profile, or empty */
	uint64_t created;	  /* seconds since the epoch */
	uint64_t generation;	  /* newest slot that looks whole */
	/* At the end: nearly all of it, and nearly all of that is not used. */
	struct nvram_wrap wrap[NVRAM_MAX_WRAPS];
};

/* The UUID of the vTPM that made the keys: its own, unless it is a copy. */
const uint8_t *nvram_identity(const struct nvram_info *info);

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

/* What the header says it is called, for one that was made before it had a name. */
int nvram_set_name(struct nvram *n, const char *name, struct error *err);

/*
 * Wraps as the header has them, in a buffer of NVRAM_WRAPS_LEN bytes that is
 * zero behind the last one. -EINVAL for one that is too long or no text,
 * -ENOSPC if there is no room for all; decoding: -EBADMSG.
 */
#define NVRAM_WRAPS_LEN 3520
int nvram_encode_wraps(const struct nvram_wrap *wraps, uint32_t n,
		       uint8_t out[NVRAM_WRAPS_LEN]);
int nvram_decode_wraps(const uint8_t in[NVRAM_WRAPS_LEN], uint32_t n,
		       struct nvram_wrap *wraps);

/*
 * Put other wraps of the same data key into the headers (a shallow rekey).
 * The slots stay as they are. @key has to be the data key, so that nobody
 * gives us wraps of another: VTPM_ERR_KEY_WRONG.
 */
int nvram_set_wraps(struct nvram *n, const struct secret *key,
		    const struct nvram_wrap *wraps, uint32_t count,
		    struct error *err);

/*
 * A deep rekey: seal the state anew with @key, which @wraps are of, and forget
 * the data key of before. Cut anywhere, the file opens with one of them and
 * has the wraps of that one. After a failure the old one is in use.
 */
int nvram_rekey(struct nvram *n, const struct secret *key,
		const struct nvram_wrap *wraps, uint32_t count,
		struct error *err);

uint64_t nvram_generation(const struct nvram *n);
const struct nvram_info *nvram_get_info(const struct nvram *n);
/* Wipes keys and state. NULL is fine. */
void nvram_close(struct nvram *n);
DEFINE_CLEANUP(nvram, struct nvram *, nvram_close)

#endif
