/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data keys of vTPMs that wait for their start, asked for ahead: one run of a
 * provider's program for many of them. Whatever comes of it, a start asks for its
 * key itself if there is none; what it says then is what it always says. All but
 * the job is the main loop's.
 */
#ifndef VTPM_VTPMD_ASK_AHEAD_H
#define VTPM_VTPMD_ASK_AHEAD_H

#include <stdbool.h>

#include "vtpmd/ready-key.h"

struct manager;
struct vtpm;

/* Runs at a time; who waits for another provider then asks for itself. */
#define ASK_AHEAD_RUNS 8

/* Where a vTPM that wants to be started is. */
enum ask_ahead {
	ASK_DONE,  /* it has its key, or asks for itself */
	ASK_WANTS, /* a run is to come */
	ASK_RUNS,  /* one is under way */
};

/* @v wants to be started from now on. */
void ask_ahead_want(struct vtpm *v);
/* It does not any more: wipe its key. */
void ask_ahead_forget(struct vtpm *v);
/* Its key, or NULL; the caller's from then on. */
struct ready_key *ask_ahead_take(struct vtpm *v);
/* A key of @provider is to be destroyed: what was had with it does not count. */
void ask_ahead_drop(struct manager *m, const char *provider);
/*
 * Start the runs that are due: of each provider one at a time, and the next when
 * fewer than @low of its keys wait for the start that uses them.
 */
void ask_ahead_run(struct manager *m, unsigned int low);
/* Its provider did not answer a run, so that its start may take long. */
bool ask_ahead_is_slow(const struct vtpm *v);
/* Nobody wants to be started: begin anew with the next who does. */
void ask_ahead_end(struct manager *m);

#endif
