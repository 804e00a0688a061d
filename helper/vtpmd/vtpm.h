/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One vTPM as the manager sees it. The states and what may be asked for in
 * each are the table in vtpm.c; Documentation/lifecycle.rst has it in prose.
 */
#ifndef VTPM_VTPMD_VTPM_H
#define VTPM_VTPMD_VTPM_H

#include <sys/queue.h>

#include <jansson.h>
#include <systemd/sd-event.h>

#include "nvram/store.h"
#include "vtpmd/ask-ahead.h"
#include "vtpmd/engine.h"
#include "vtpmd/kernel.h"
#include "vtpmd/settings.h"

struct call;
struct manager;

enum vtpm_life {
	VTPM_STOPPED,
	VTPM_STARTING,
	VTPM_RUNNING,
	VTPM_STOPPING,
	VTPM_RESUMING, /* between two engines; the device waits */
	VTPM_FAILED,   /* the running state is lost */
	VTPM_LOCKED,   /* the key is missing */
	VTPM_DAMAGED,  /* the file does not open */
};

enum vtpm_op {
	OP_START,
	OP_STOP,
	OP_DELETE,
	OP_REKEY,
	OP_CHECK,
	OP_UPGRADE,
	OP_IMPORT,
	OP_EXPORT,
	OP_RESET,
	OP_RENAME,
	OP_SET
};

struct vtpm {
	TAILQ_ENTRY(vtpm) link;
	struct manager *m;
	char name[NAME_MAX_LEN + 1];
	enum vtpm_life state;
	char reason[512]; /* why it is in that state, or empty */
	struct settings settings;
	unsigned int busy; /* jobs at work on it */
	bool new;	   /* being made; nobody sees it yet */
	bool blank;	   /* of the pool; nobody ever sees it */
	bool stale;	   /* it is not to be used */
	bool want_start;   /* start it when there is room; autostart.h */
	/* Its data key, asked for ahead of that: ask-ahead.c's. */
	enum ask_ahead ask;
	struct ask_group *ask_group; /* as long as anybody wants; or NULL */
	const struct ask *ask_job;   /* and which of its items */
	size_t ask_index;
	struct ready_key *ready_key;   /* or NULL */
	bool want_stop;		       /* StopAll is not done with it */
	bool want_rekey;	       /* nor is RekeyAll */
	unsigned int retry_s;	       /* locked: the present interval */
	sd_event_source *retry_source; /* and its end */
	bool ephemeral;		       /* its file is in memory */
	bool have_info;
	struct nvram_info info;
	json_t *facts; /* what is public of its endorsement keys, or NULL */
	struct engine engine;
	struct secret *key;   /* the data key, for the next engine, or NULL */
	uint64_t attached_us; /* CLOCK_MONOTONIC; since when it has this one */
	unsigned int crashes; /* of engines that had hardly begun */
	bool want_resume;     /* when there is no other operation on it */
	bool want_reset;      /* and to begin anew: the old state is gone */
	bool in_kernel;
	struct kernel_instance instance;
	sd_event_source *end_source, *log_source;
};

struct vtpm *vtpm_new(struct manager *m, const char *name);
void vtpm_free(struct vtpm *v);

const char *vtpm_state_name(enum vtpm_life state);
/* It is stopped, and is to be started when it is its turn. */
bool vtpm_is_queued(const struct vtpm *v);
/* 0, or VTPM_ERR_BUSY or VTPM_ERR_STATE with what to do instead. */
int vtpm_check(const struct vtpm *v, enum vtpm_op op, struct error *err);
/*
 * A copied file is the same vTPM, and that runs in one place: VTPM_ERR_IN_USE
 * while another one of that UUID does; or, unless @allow_duplicate, one of the
 * same identity.
 */
int vtpm_check_copies(const struct vtpm *v, bool allow_duplicate,
		      struct error *err);
/* Log and publish; @reason may be NULL. */
void vtpm_set_state(struct vtpm *v, enum vtpm_life state, const char *reason);
/* The state after a start that ended with @err. */
enum vtpm_life vtpm_state_after(const struct error *err);

/*
 * Read the header again, before what it says is relied on: the file may have been
 * put there meanwhile. Not of one that runs.
 */
int vtpm_load_header(struct vtpm *v, struct error *err);
/* That is what its header says. */
void vtpm_take_info(struct vtpm *v, const struct nvram_info *info);
/* Read again what stands in the files. */
void vtpm_load(struct vtpm *v);
/* Own the engine of a vTPM that runs from now on, and watch it. */
int vtpm_attach(struct vtpm *v, const struct engine *e);
/* Stop watching; the engine is the caller's again. */
struct engine vtpm_detach(struct vtpm *v);

/* Is one of the wraps of its data key of that provider? */
bool vtpm_uses_provider(const struct vtpm *v, const char *provider);

/* As the control API has it; a new reference. */
json_t *vtpm_to_json(const struct vtpm *v);

/*
 * The operations. @call is answered when they are done and may be NULL; on a
 * negative return it stays the caller's.
 */
struct start_options {
	bool allow_rollback;  /* to an older state than it has had here */
	bool allow_duplicate; /* beside one of the same identity */
};

/* @o may be NULL. */
int vtpm_start(struct vtpm *v, const struct start_options *o, struct call *call,
	       struct error *err);
int vtpm_stop(struct vtpm *v, struct call *call, struct error *err);
int vtpm_delete(struct vtpm *v, struct call *call, struct error *err);
int vtpm_show(struct vtpm *v, struct call *call, struct error *err);
/* Power cycle of one that runs or has failed; it keeps its device. */
int vtpm_reset(struct vtpm *v, struct call *call, struct error *err);
/* Tell the kernel that the running state is lost. */
void vtpm_fail(struct vtpm *v, const char *reason);

/*
 * The call has a descriptor: backup appends a copy of the state file to it, of a
 * consistent point whether it runs or not; verify opens such a file with its
 * key; restore makes it the vTPM @name, in place of an older state of that one.
 */
int vtpm_backup(struct vtpm *v, struct call *call, struct error *err);
int backup_verify(struct manager *m, struct call *call, struct error *err);
int backup_restore(struct manager *m, const char *name, bool allow_rollback,
		   struct call *call, struct error *err);

struct clone_options {
	const char *name;     /* of the new one */
	const char *mode;     /* NULL: not said */
	const char *provider; /* NULL: that of the other one */
	bool certify; /* have our own CA make certificates of new keys */
};

/* Make a vTPM, which does not run, from @v. */
int vtpm_clone(struct vtpm *v, const struct clone_options *o, struct call *call,
	       struct error *err);

/* Which wraps are made anew, and by whom. */
struct rekey_options {
	const char *provider; /* only of this one; NULL: all */
	const char *to;	      /* in place of those; NULL: each by its own */
	bool deep;	      /* and the data key, too */
	bool forget;	      /* only take the wraps of @provider out */
	bool of_all;	      /* the result is RekeyAll's */
};

int vtpm_rekey(struct vtpm *v, const struct rekey_options *o, struct call *call,
	       struct error *err);
/* One more wrap of the data key, or one less. */
int vtpm_attach_provider(struct vtpm *v, const char *provider,
			 struct call *call, struct error *err);
int vtpm_detach_provider(struct vtpm *v, const char *provider,
			 struct call *call, struct error *err);

/* Verify all of the file of one that does not run; with @repair mend it. */
int vtpm_check_file(struct vtpm *v, bool repair, struct call *call,
		    struct error *err);

/* NULL: as it is. */
struct set_options {
	const char *owner, *mode, *notes;
	const bool *autostart;
};

int vtpm_set(struct vtpm *v, const struct set_options *o, struct call *call,
	     struct error *err);
/* Give another name to one that does not run. */
int vtpm_rename(struct vtpm *v, const char *name, struct call *call,
		struct error *err);

/* Take a certificate that somebody else's CA has made for one of its EKs. */
struct import_options {
	int type;	   /* in ek_types[] */
	json_t *arguments; /* members certificate and chain; consumed */
};

int vtpm_import(struct vtpm *v, const struct import_options *o,
		struct call *call, struct error *err);

struct create_options {
	const char *name;
	const char *provider; /* NULL: the default */
	const char *owner;    /* NULL: root's */
	const char *mode;     /* NULL: 0600 */
	bool start, autostart, ephemeral;
	bool certify;	       /* have our own CA make certificates */
	unsigned int ek_types; /* EK_BIT() of each that is to be made */
	const char *profile;   /* of libtpms; NULL: its default */
	json_t *pcr_banks;     /* names; NULL: as libtpms has them; borrowed */
};

int vtpm_create(struct manager *m, const struct create_options *o,
		struct call *call, struct error *err);
/*
 * The call has descriptors: of tpm2-00.permall and, unless that is plain, of a
 * pipe with its key. Keys that the TPM has are not made: ek_types and certify
 * are not for this.
 */
int vtpm_import_swtpm(struct manager *m, const struct create_options *o,
		      struct call *call, struct error *err);
/* The same, of an empty file; without a key only if it is to be @plain. */
int vtpm_export_swtpm(struct vtpm *v, bool plain, struct call *call,
		      struct error *err);

#endif
