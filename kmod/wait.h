/* SPDX-License-Identifier: GPL-2.0 */
/* How a client waits for the answer to its command. */
#ifndef _VTPM_WAIT_H
#define _VTPM_WAIT_H

#include <linux/types.h>

struct vtpm_instance;
struct vtpm_request;

/*
 * Wait until the command in flight is finished. > 0 it is; else it may be all
 * the same, which inst->lock tells: 0 out of time, -ERESTARTSYS killed.
 */
long vtpm_wait(struct vtpm_instance *inst);

/* An answer took @us microseconds; holds inst->lock. */
void vtpm_wait_learn(struct vtpm_request *req, u64 us);

#endif
