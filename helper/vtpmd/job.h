/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work that waits for disks, processes or the kernel, in a thread of its own,
 * so that the main loop never waits.
 *
 * A job's argument belongs to its thread from job_start() until @done runs in
 * the main loop, and holds copies of whatever it needs: threads share nothing
 * but struct config, which does not change. The pool's lock protects the queue
 * of messages from the threads to the main loop and nothing else.
 */
#ifndef VTPM_VTPMD_JOB_H
#define VTPM_VTPMD_JOB_H

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "util/error.h"

struct job;
struct job_pool;

struct job_ops {
	const char *name;
	/* In the thread. Returns 0 or a negative errno with @err filled in. */
	int (*run)(struct job *job, void *arg, struct error *err);
	/* In the main loop, once; frees @arg. @err is NULL on success. */
	void (*done)(void *arg, const struct error *err);
	/* In the main loop, for each job_progress(), in order; may be NULL. */
	void (*progress)(void *arg, const char *text);
	/* Changes nothing: may wait when the pool is nearly full. */
	bool read_only;
};

/*
 * @own: jobs that nobody asks for from outside. Where these are many there is
 * room for more than usual, so that clients find as much as ever.
 */
int job_pool_new(sd_event *event, unsigned int own, struct job_pool **out);
/* All jobs have to be done. NULL is fine. */
void job_pool_free(struct job_pool *pool);
unsigned int job_pool_active(const struct job_pool *pool);
/* @fn runs in the main loop after every job that is done. */
void job_pool_on_done(struct job_pool *pool, void (*fn)(void *), void *arg);

/* VTPM_ERR_BUSY if too much is going on; @arg stays the caller's then. */
int job_start(struct job_pool *pool, const struct job_ops *ops, void *arg,
	      struct error *err);
/* From the thread: tell the client what is being done. */
void job_progress(struct job *job, const char *text);

#endif
