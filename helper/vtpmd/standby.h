/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A provider's program that is started ahead of its request: loaded, in its
 * sandbox, waiting on its standard input. It has no key and has read none, and
 * it serves one unwrap, as any run. A start is shorter by what loading takes.
 */
#ifndef VTPM_VTPMD_STANDBY_H
#define VTPM_VTPMD_STANDBY_H

#include "vtpmd/provider.h"
#include "vtpmd/spawn.h"

struct manager;
struct standby; /* has a lock of its own */

int standby_new(struct standby **out);
void standby_free(struct standby *s);

/* An unwrap by @p was asked for: the next is likely to be by it, too. */
void standby_want(struct standby *s, const struct provider_ref *p);
/*
 * Have the one that waits unwrap by @p; what @request_fd holds is the request,
 * and the key goes to @key_fd. -ENOENT: there is none for it, or no more.
 */
int standby_run(struct standby *s, const struct config *cfg,
		const struct provider_ref *p, int request_fd, int key_fd,
		struct capture *c, struct error *err);
/* The provider @name goes away; NULL: programs of all may have changed. */
void standby_forget(struct standby *s, const char *name);

/* A job has ended: have one made when nothing else is to be done. */
void standby_continue(struct manager *m);

#endif
