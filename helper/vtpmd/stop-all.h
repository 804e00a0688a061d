/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_VTPMD_STOP_ALL_H
#define VTPM_VTPMD_STOP_ALL_H

#include "util/error.h"

struct call;
struct manager;

/*
 * Stop every vTPM that runs, has failed or is being started; @call is answered
 * when all of it has been tried. -EBUSY: that is under way already.
 */
int stop_all(struct manager *m, struct call *call, struct error *err);
/* A job has ended: go on with it, if it is under way. */
void stop_all_continue(struct manager *m);

#endif
