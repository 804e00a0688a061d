/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Landlock rulesets: what of the file system a helper reaches. The header of
 * the kernel may be older than the kernel, so what is newer is defined here.
 */
#ifndef VTPM_VTPMD_LANDLOCK_H
#define VTPM_VTPMD_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* What a rule allows; of a file only what applies to files is taken. */
enum landlock_rights {
	LANDLOCK_READ = 1, /* files and lists of directories */
	LANDLOCK_EXECUTE = 2,
	LANDLOCK_WRITE = 4,   /* also make, rename and remove */
	LANDLOCK_DEVICES = 8, /* ioctl() on device nodes */
};

struct landlock {
	int abi; /* 0: the kernel has none, and the rest is without effect */
	int fd;	 /* the ruleset; -1: none */
};

/* The version that this kernel has; 0 if none. */
int landlock_abi(void);

/*
 * Nothing may be reached but what is allowed afterwards, and no signal sent
 * out. @isolate: no TCP port is bound and no abstract socket connected to
 * either. 0 or a negative errno; without Landlock 0 and out->fd is -1.
 */
int landlock_new(bool isolate, struct landlock *out);
void landlock_close(struct landlock *l);

/*
 * Allow @rights on what @path below @at is, and on all beneath it; symbolic
 * links are followed. What is not there is 0.
 */
int landlock_allow(const struct landlock *l, int at, const char *path,
		   unsigned int rights);
/* The same of an open descriptor. */
int landlock_allow_fd(const struct landlock *l, int fd, unsigned int rights);

/*
 * Allow everything but what is in the @n directories of absolute paths
 * without links @hidden; the directories above them can be passed through,
 * not listed. What has no rule for whatever reason is not seen.
 */
int landlock_allow_all_but(const struct landlock *l, const char *const *hidden,
			   unsigned int n);

/* In the child of fork(), after no_new_privs: 0, or -1 with errno. */
int landlock_enter(const struct landlock *l);

#endif
