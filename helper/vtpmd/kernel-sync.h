/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_VTPMD_KERNEL_SYNC_H
#define VTPM_VTPMD_KERNEL_SYNC_H

#include <systemd/sd-event.h>

struct manager;

/* What is on the socket of kernel_open_events(); @arg is the manager. */
int kernel_sync_on_event(sd_event_source *source, int fd, uint32_t revents,
			 void *arg);

/*
 * Ask the kernel for all instances, in a job, and take over what has happened to
 * those that ran before that.
 */
void kernel_sync(struct manager *m);
/* A job is done: ask again if that is still to be done. */
void kernel_sync_continue(struct manager *m);

#endif
