/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where things are and who runs them. Filled in before the first thread
 * starts and never changed after, so that workers read it without a lock.
 */
#ifndef VTPM_VTPMD_CONFIG_H
#define VTPM_VTPMD_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"

#define DEFAULT_STATE_DIR "/var/lib/vtpm"
#define DEFAULT_RUN_DIR "/run/vtpm"
#define DEFAULT_LIBEXEC_DIR "/usr/libexec/vtpm"

struct standby;
struct zygote;

struct account {
	const char *name;
	uid_t uid;
	gid_t gid;
};

struct config {
	const char *state_dir;
	const char *run_dir;
	const char *libexec_dir; /* NULL: the two usual places */
	char self_dir[PATH_MAX]; /* where this program was started from */
	bool verbose;

	int state_fd;	   /* state_dir */
	int providers_fd;  /* state_dir/providers */
	int keys_fd;	   /* state_dir/keys */
	int run_fd;	   /* run_dir */
	int engine_fd;	   /* run_dir/engine */
	int checkpoint_fd; /* run_dir/checkpoint */
	int ephemeral_fd;  /* run_dir/ephemeral: vTPMs that no disk is to see */
	char ephemeral_dir[PATH_MAX];
	int lock_fd;		   /* run_dir/lock, locked */
	int ca_fd;		   /* state_dir/ca */
	int identity_fd;	   /* state_dir/identity: facts of EKs */
	int ephemeral_identity_fd; /* the same below run_dir/ephemeral */

	unsigned int pool_size;	 /* vTPMs to have ready */
	unsigned int max_starts; /* at once, of autostart.c; 0: by processors */

	bool no_zygote;
	struct zygote *zygote; /* has a lock of its own; NULL: there is none */
	struct standby *standby; /* the same */

	struct account engine_user; /* engines and the identity program */
	struct account keys_user;   /* key providers */
	struct account ca_user;	    /* the CA */
	bool have_admin;
	gid_t admin_gid; /* operators */
};

/* Look up the accounts. */
int config_find_accounts(struct config *cfg, struct error *err);
/* Make and open the directories, and lock the run directory. */
int config_open(struct config *cfg, struct error *err);
void config_close(struct config *cfg);

/* Path of the helper program @name; VTPM_ERR_INTERNAL names where it looked. */
int config_find_program(const struct config *cfg, const char *name,
			char path[PATH_MAX], struct error *err);

#endif
