/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vTPM whose engine died goes on: another engine takes the checkpoint, and
 * the kernel gives it the command in flight. Clients only wait.
 * Documentation/lifecycle.rst, "An engine that dies".
 */
#ifndef VTPM_VTPMD_RESUME_H
#define VTPM_VTPMD_RESUME_H

#include "vtpmd/manager.h"

/*
 * The engine of @v, which is in the kernel, has ended: @status as from
 * process_wait(). Another one is started, at once or after the operation that
 * works on @v; the vTPM fails if this cannot go well.
 */
void resume_after_death(struct vtpm *v, int status);

/* Those that have waited for an operation. Called when one has ended. */
void resume_some(struct manager *m);

/* Another engine in place of one that runs, as after an upgrade. */
int vtpm_upgrade(struct vtpm *v, struct call *call, struct error *err);
/* The same for all that run and are not worked on; how many. */
int resume_upgrade_all(struct manager *m);

#endif
