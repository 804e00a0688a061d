/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The manager's side of the zygote, which forks engines: engine/zygote.h. It
 * is started again where it has ended, where the program has changed, and
 * after zygote_renew(). What works without it is done without.
 */
#ifndef VTPM_VTPMD_ZYGOTE_H
#define VTPM_VTPMD_ZYGOTE_H

#include "vtpmd/spawn.h"

struct zygote;

/* 0 or -ENOMEM; nothing is started yet. */
int zygote_new(struct zygote **out);
/*
 * How long, in seconds, the first reply of a zygote may take, and any other; for
 * tests. One that does not keep to it is killed. After the second limit there is
 * another, after the first one there is none any more.
 */
void zygote_set_timeouts(struct zygote *z, unsigned int first_s,
			 unsigned int later_s);
/* It ends; its engines go on. NULL is fine. */
void zygote_free(struct zygote *z);

/*
 * As spawn_process(), for an engine: @s->path is the program of zygote and
 * engine. Without a zygote that works the program is started as any other.
 * -ESTALE: there may be an engine that nobody knows, with these descriptors.
 */
int zygote_spawn(struct zygote *z, const struct spawn *s, struct process *out,
		 struct error *err);

/* Have one ready for the first engine; whatever fails is tried again then. */
void zygote_prepare(struct zygote *z, const struct spawn *s);

/* The next engine is of a new one, with the libraries that are there then. */
void zygote_renew(struct zygote *z);

#endif
