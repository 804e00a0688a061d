/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vTPMs whose key could not be had when they were to be started. They are tried
 * again, at growing intervals, for as long as somebody wants them started;
 * a retry that fails changes nothing that anyone sees.
 */
#ifndef VTPM_VTPMD_LOCKED_H
#define VTPM_VTPMD_LOCKED_H

#include "util/error.h"

struct call;
struct manager;
struct vtpm;

/*
 * A start ended with @err, NULL for success: then others that wait for the same
 * provider are to be tried, too.
 */
void locked_after_start(struct vtpm *v, const struct error *err);
/* Nobody wants it started any more. */
void locked_forget(struct vtpm *v);

/* Try one at once; @call is answered when that is done. */
int locked_unlock(struct vtpm *v, struct call *call, struct error *err);
/* Try all that are locked; the number of them. */
unsigned int locked_unlock_all(struct manager *m);

#endif
