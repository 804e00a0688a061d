/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the operations on a vTPM have in common. A struct operation is the
 * argument of a job: @v and @call are for the main loop, all else is the
 * thread's while the job runs.
 */
#ifndef VTPM_VTPMD_OPERATION_H
#define VTPM_VTPMD_OPERATION_H

#include "vtpmd/engine.h"
#include "vtpmd/job.h"
#include "vtpmd/kernel.h"
#include "vtpmd/lockout.h"
#include "vtpmd/manager.h"
#include "vtpmd/registry.h"
#include "vtpmd/server.h"
#include "vtpmd/vtpm.h"

struct rekey_plan;

/* What becomes of the endorsement keys of a vTPM in the making. */
enum operation_keys {
	KEYS_MAKE,    /* it is a new TPM */
	KEYS_REPLACE, /* it has those of another one, and is to have its own */
	KEYS_KEEP,    /* it has those of another one: @facts, if known */
	KEYS_FIND,    /* it has some, and is to be asked which */
};

struct operation {
	struct manager *m;
	struct vtpm *v;
	struct call *call; /* or NULL */

	const struct config *cfg;
	char name[NAME_MAX_LEN + 1];
	char provider[NAME_MAX_LEN + 1];
	char other[NAME_MAX_LEN + 1]; /* rename: the new name; clone: of what */
	struct vtpm *placeholder;     /* has a name that is not to be taken */
	bool start, ephemeral, reset, allow_rollback;
	bool replace;	       /* restore: over the file that is there */
	bool certify;	       /* by our own CA */
	unsigned int ek_types; /* EK_BIT() of those concerned */
	char ca_provider[NAME_MAX_LEN + 1];
	int file_fd;	 /* the call's: a backup, or a state of swtpm */
	int key_fd;	 /* the call's: the key of that, or -1 */
	bool unverified; /* restore: the key was not to be had */
	json_t *facts;	 /* of the endorsement keys, or NULL */
	bool find_facts; /* start: ask the TPM for them */
	enum operation_keys keys;
	char profile[64];  /* of a new TPM; empty: libtpms' default */
	bool from_pool;	   /* create: what the pool has will do */
	bool blank;	   /* @other is that of the pool */
	json_t *pcr_banks; /* names, for a new TPM; NULL: as libtpms has them */
	/*
	 * create: where the TPM's state comes from. @prepare finds it, before
	 * anything is made, and may be NULL: a new TPM.
	 */
	int (*prepare)(struct operation *op, struct job *job,
		       struct error *err);
	const char *from; /* as in struct engine_args; NULL: a new TPM */
	int from_fd;	  /* closed with the operation if there is @from */
	struct secret *from_secret; /* freed */
	json_t *import;		    /* what ek import was given */
	struct rekey_plan *plan;
	struct settings settings;
	char owner[2 * NAME_MAX_LEN + 2], mode[8]; /* as asked for */
	char reason[512];
	bool have_lockout;
	struct lockout lockout;
	bool have_info;
	struct nvram_info info;
	/* What was found out goes for the file of @pin_uuid and no other. */
	bool pinned;
	uint8_t pin_uuid[UUID_LEN], pin_origin[UUID_LEN];
	struct engine engine;
	struct ready_key *ready; /* start: asked for ahead, or NULL; freed */
	struct secret *key;	 /* the data key, of a vTPM that runs; freed */
	bool in_kernel;
	struct kernel_instance instance;
};

/* Start a job for @v, which is busy from now on. */
int operation_start(struct vtpm *v, const struct job_ops *ops,
		    const struct operation *template, struct call *call,
		    struct error *err);
/* Answer the client with the vTPM or @err, and free @op. @v may be freed. */
void operation_end(struct operation *op, const struct error *err);
/* What was read of the file's header, if it was: the vTPM's from now on. */
void operation_take_info(struct operation *op);
/* And the data key. */
void operation_take_key(struct operation *op);
/* And what is public of its endorsement keys. */
void operation_take_facts(struct operation *op);
/* For struct job_ops. */
void operation_progress(void *arg, const char *text);

/* In a job, for it asks the name service: owner and mode that were asked for. */
int operation_take_owner(struct operation *op, struct error *err);

/* In a job: the state file, open and locked. */
int operation_open(struct operation *op, int *fd, struct error *err);
/* For the file of @v only, as its header was read last; if it was not, for none. */
void operation_pin(struct operation *op, const struct vtpm *v);
/*
 * The same, and what stands in its header: @op->info. VTPM_ERR_BUSY if the file
 * is not the one that @op is for.
 */
int operation_open_header(struct operation *op, int *fd, struct error *err);
/* In a job: all of the state file @fd in memory; the caller closes *copy. */
int operation_copy(const struct operation *op, int fd, int *copy,
		   struct error *err);
/* The file that came with the call: anything but one could keep us waiting. */
int operation_check_file(const struct operation *op, const char *what,
			 struct error *err);
/* The error of a call that it did not come with. */
int operation_no_file(struct error *err);
/*
 * In a job: have an engine without a TPM open the state file @fd with the key
 * of @op->info, which verifies all of it; what can be mended is written.
 */
int operation_try_file(struct operation *op, struct job *job, int fd,
		       struct error *err);
/*
 * VTPM_ERR_ROLLBACK if the file, whose header is in @op->info, has an older
 * state than generation @known. Where that is allowed it goes into the log and
 * into @op->settings, which are to be saved once all else has gone well.
 */
int operation_check_rollback(struct operation *op, uint64_t known,
			     struct error *err);
/*
 * Save in the settings what generation the file has now, so that an older one is
 * noticed.
 */
void operation_note_generation(struct operation *op, uint64_t generation);
/* The path of the state file, for messages. */
void operation_path(const struct operation *op, char path[PATH_MAX]);

#endif
