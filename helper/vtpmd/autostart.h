/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starts that nobody waits for: those of vtpmd's own start, and of locked
 * vTPMs. A bounded number of them runs at once.
 */
#ifndef VTPM_VTPMD_AUTOSTART_H
#define VTPM_VTPMD_AUTOSTART_H

struct config;
struct manager;

/* How many at once where nobody has said it. */
#define AUTOSTART_MAX 32
/* What may be said. */
#define AUTOSTART_LIMIT 64

/* Jobs at once, the runs of ask-ahead.h among them. */
unsigned int autostart_jobs(const struct config *cfg);

/* All that are stopped and have autostart want to be started. */
void autostart_begin(struct manager *m);
/* Start those that want it (ask_ahead_want()), as far as there is room. */
void autostart_continue(struct manager *m);

#endif
