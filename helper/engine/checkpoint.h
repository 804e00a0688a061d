/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the next engine needs in order to go on where this one was killed: the
 * running state, the last command that changed it and its answer, and the
 * commands that were run since, sealed, in a file on tmpfs. Documentation/nvram-format.rst, "Checkpoint", has its content;
 * lifecycle.rst, "An engine that dies", what it is for.
 */
#ifndef VTPM_ENGINE_CHECKPOINT_H
#define VTPM_ENGINE_CHECKPOINT_H

#include <stdint.h>

#include "engine/protocol.h"
#include "engine/tpm.h"
#include "nvram/store.h"

/* A command of the kernel, by its number, and the response to it. */
struct engine_answer {
	uint32_t instance; /* of the kernel, that counts them; 0: none yet */
	uint64_t seq;
	uint32_t len; /* bytes of @resp */
	uint8_t resp[ENGINE_MAX_COMMAND];
};

struct checkpoint;

/*
 * In the empty file @fd, which stays the caller's. @info names the vTPM, and
 * @permanent is the state that its file has, if any.
 */
int checkpoint_create(int fd, const struct nvram_info *info,
		      const struct secret *key, const void *permanent,
		      uint32_t len, struct checkpoint **out, struct error *err);

/* What was read of one; @saved is there until checkpoint_forget(). */
struct checkpoint_content {
	struct engine_answer last; /* as of the state, without the log */
	struct tpm_saved saved; /* permanent: only if it may not be on disk */
};

/* A command in the log: it was run on the state, or after the one before. */
struct checkpoint_entry {
	uint32_t instance;
	uint64_t seq;
	uint8_t locality;
	const uint8_t *command, *response;
	uint32_t command_len, response_len;
};

/*
 * Open the one that an engine left in @fd. @permanent is the state that the
 * vTPM's file has: VTPM_ERR_CORRUPT if the running state belongs to another,
 * or nothing in the file is whole.
 */
int checkpoint_open(int fd, const struct nvram_info *info,
		    const struct secret *key, const void *permanent,
		    uint32_t len, struct checkpoint **out,
		    struct checkpoint_content *content, struct error *err);
/* Wipe what is in memory of it, if there is one. The file stays. */
void checkpoint_free(struct checkpoint *c);

/*
 * The entry of the log at *at, which goes on to the next one; begin with 0. 1,
 * or 0: there is no more; -EBADMSG for one that is none. Until it is forgotten.
 */
int checkpoint_entry(const struct checkpoint *c, uint32_t *at,
		     struct checkpoint_entry *out);
/* Wipe what was read. */
void checkpoint_forget(struct checkpoint *c,
		       struct checkpoint_content *content);

/*
 * Write the TPM's running state and @last. @permanent is the permanent state,
 * if that has changed since it was last on disk; else NULL. On failure the
 * one of before is still there, and the call may be repeated.
 */
int checkpoint_write(struct checkpoint *c, const struct engine_answer *last,
		     const void *permanent, uint32_t len, struct error *err);

/* Give back what of the file the next engine does not need. */
void checkpoint_settle(struct checkpoint *c);
/*
 * In place of that, for a command that is known to do the same again: add it and
 * its response to the log. -EAGAIN: the state is to be written.
 */
int checkpoint_log(struct checkpoint *c, const struct checkpoint_entry *e,
		   struct error *err);

#endif
