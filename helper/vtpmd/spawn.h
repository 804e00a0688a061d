/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting helper programs. A helper gets the descriptors it is handed and no
 * others, an empty environment, the user given, no capability, and no way to
 * gain one. One that listens outlives the manager, any other but one that is
 * started ahead ends with the thread that started it.
 */
#ifndef VTPM_VTPMD_SPAWN_H
#define VTPM_VTPMD_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "util/child.h"
#include "util/error.h"
#include "util/secret.h"
#include "vtpmd/config.h"
#include "vtpmd/sandbox.h"

#define SPAWN_MAX_FDS CHILD_MAX_FDS

struct spawn {
	const char *path;
	char *const *argv;
	/* Become 0, 1, 2, ... of the program; -1 stands for /dev/null. */
	int fds[SPAWN_MAX_FDS];
	size_t n_fds;
	const struct account *user;
	int cwd_fd; /* -1: / */
	/*
	 * listen() on this one is called by the new process, so that whoever
	 * connects sees its pid and user in SO_PEERCRED; -1: none.
	 */
	int listen_fd;
	const struct sandbox *sandbox; /* NULL: none beyond the above */
	/* Ends with its standard input, whichever thread has started it. */
	bool ahead;
};

struct process {
	pid_t pid;
	int pidfd;
};

/* Of the same program, which was not replaced in between? */
bool spawn_same_program(const struct stat *a, const struct stat *b);

/* Returns once the program runs; VTPM_ERR_INTERNAL says why it does not. */
int spawn_process(const struct spawn *s, struct process *out,
		  struct error *err);

/*
 * Wait until the process ended, at most @timeout_ms, and reap it. *status is
 * the exit status, 128 + the signal, or -1 where it is not ours to reap.
 * -ETIMEDOUT if it still runs.
 */
int process_wait(struct process *p, int timeout_ms, int *status);
/* SIGKILL and reap. */
void process_kill(struct process *p);
void process_close(struct process *p);

/* What a short-lived program wrote and how it ended. */
struct capture {
	char *out; /* standard output, NUL-terminated */
	size_t out_len;
	char line[256]; /* last line on standard error, printable */
	int status;	/* as from process_wait() */
};

#define CAPTURE_MAX_OUT (256 * 1024)

/* One that has been started and not been waited for. */
struct running {
	struct process process;
	int out, err; /* read ends of its standard output and error */
};

#define RUNNING_NONE \
	((struct running){ .process = { .pidfd = -1 }, .out = -1, .err = -1 })

/*
 * Start a program with standard output and standard error caught; fds[1] and
 * fds[2] of @s are set here. @what names it in errors.
 */
int capture_start(struct spawn *s, const char *what, struct running *out,
		  struct error *err);
/*
 * Wait for its end and close @p. -ETIMEDOUT and -E2BIG (too much output) kill
 * it. What is left of its session is killed at the end.
 */
int capture_finish(struct running *p, const char *what, int timeout_ms,
		   struct capture *out, struct error *err);
/* Kill it, and all of its session; nothing is fine. */
void capture_kill(struct running *p);
/* All of that at once. */
int capture_run(struct spawn *s, const char *what, int timeout_ms,
		struct capture *out, struct error *err);
void capture_deinit(struct capture *c);

/*
 * The last line of @len bytes that another process wrote, cut to @size, with
 * everything replaced that does not belong into a log or a message.
 */
void last_line(const char *buf, size_t len, char *out, size_t size);

#endif
