/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One vTPM in one process. Two threads: the front end's, which runs commands
 * of the kernel, and the control thread. engine_execute() is the only way to
 * the TPM and takes the lock; everything that STATUS reports is atomic, so
 * that it can be read while a command waits for storage.
 */
#ifndef VTPM_ENGINE_H
#define VTPM_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/checkpoint.h"
#include "nvram/store.h"
#include "util/error.h"

struct engine {
	const char *name;
	bool offline;	      /* no TPM: the file is open, to be rekeyed */
	pthread_mutex_t lock; /* the TPM, @nvram, @checkpoint and @last */
	struct nvram *nvram;
	struct checkpoint *checkpoint; /* NULL: there is to be none */
	struct engine_answer last;     /* as the checkpoint has it */
	_Atomic uint32_t condition;    /* enum engine_condition */
	_Atomic int32_t storage_errnum;
	_Atomic uint64_t generation;
	_Atomic uint64_t commands;
	_Atomic uint64_t commits;
	_Atomic bool testing;	/* self-tests are due, see self-test.h */
	_Atomic bool unsettled; /* memory can be given back, see memory.h */
};

/* A command, and the number that the kernel gave it; 0 if it has none. */
struct engine_command {
	uint32_t instance;
	uint64_t seq;
	uint8_t locality;
	const uint8_t *data;
	uint32_t len;
};

/*
 * Run a TPM command and make what it changed durable; only then return, with
 * the response in @resp (ENGINE_MAX_COMMAND bytes). Returns the length of the
 * response. Waits, with the lock held, for as long as the state cannot be
 * written. A command with the number of @e->last is not run but answered as it
 * was then.
 */
uint32_t engine_execute(struct engine *e, const struct engine_command *c,
			uint8_t *resp);

/* The same, but -EAGAIN while another command is executed. */
int engine_try_execute(struct engine *e, const struct engine_command *c,
		       uint8_t *resp, uint32_t *len);

/*
 * When no command has come for a moment: a part of what the TPM has promised to
 * test, if there is any, or else giving back memory, once. Takes the lock, for as
 * long as one algorithm takes.
 */
bool engine_has_idle_work(const struct engine *e);
void engine_idle(struct engine *e);

/*
 * Load or make the TPM, run TPM2_Startup(CLEAR), make that durable, and begin
 * a checkpoint in the empty file @checkpoint_fd, if that is not negative.
 */
int engine_power_on(struct engine *e, bool manufacture,
		    const struct secret *key, int checkpoint_fd,
		    struct error *err);
/* Go on where the engine was that wrote the checkpoint. */
int engine_resume(struct engine *e, const struct secret *key, int checkpoint_fd,
		  struct error *err);

/* All of the TPM's self-tests, before it serves anybody. */
int engine_self_test(struct error *err);

/*
 * Make durable what has changed of the permanent state. @running: something has
 * changed, of whichever state; the checkpoint is written first.
 */
int engine_save(struct engine *e, bool running, struct error *err);

/* Write what is left in both slots, wipe, and end the process; see STOP. */
int engine_stop(struct engine *e, struct error *err);

/*
 * @resp, of at most ENGINE_MAX_COMMAND bytes, is what the command of this number
 * is answered with, should it come again.
 */
void engine_keep_answer(struct engine *e, uint32_t instance, uint64_t seq,
			const uint8_t *resp, uint32_t len);

struct engine_rekey;
/* Other wraps or another data key in the file; see REKEY. */
int engine_rekey(struct engine *e, const struct engine_rekey *r,
		 struct error *err);

/* Serve the control socket in a thread of its own. 0 or a negative errno. */
int control_start(struct engine *e, int listen_fd);

/*
 * Where commands come from. A front end runs in the main thread and returns
 * only when it cannot go on (negative errno).
 */
struct frontend {
	const char *name;
	int (*run)(struct engine *e, int fd, uint16_t family);
};
extern const struct frontend frontend_netlink, frontend_none;

/* Give up what the user's rights allow; 0 or a negative errno. */
int sandbox_drop_user(const char *uid_gid, struct error *err);
/* Allow only the system calls that serving needs, for all threads to come. */
int sandbox_enter(struct error *err);
/* The same for the zygote: what it needs, and its engines before they serve. */
int sandbox_enter_zygote(struct error *err);

#endif
