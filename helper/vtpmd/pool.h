/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vTPMs that are made before anybody asks for one: as the default of "create",
 * with keys and certificates, sealed as any other, in files that no name leads to.
 * A create takes one by giving its file another name, so that none is used twice.
 * In the main loop; "blank" is what one is called until then.
 */
#ifndef VTPM_VTPMD_POOL_H
#define VTPM_VTPMD_POOL_H

#include "vtpmd/operation.h"

#define POOL_MAX 64

/* Make another one if there are too few and nothing else is being done. */
void pool_fill(struct manager *m);
/* A job is done: the same, soon. */
void pool_continue(struct manager *m);
/*
 * If there is one that fits @op, which has a provider, it is in @op from now on.
 */
void pool_take(struct manager *m, struct operation *op);
/*
 * Destroy all: who changes keys, providers or the CA expects what is made after
 * that to be by what there is then.
 */
void pool_drop(struct manager *m);
/* Remove what an earlier manager has left: nobody has their keys at hand. */
void pool_clean(const struct config *cfg);
/* Remove the file of one, and what belongs to it. */
void pool_remove(const struct config *cfg, const char *name);
/* Is that what one of them is called? */
bool pool_is_name(const char *name);

/*
 * In the job of a create: the blank's file is @op's own, and *fd. Else @op is as
 * it was before pool_take(), and a new TPM will do as well.
 */
int pool_claim(struct operation *op, struct job *job, int *fd);

#endif
