/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What op-rekey.c, rekey-plan.c and rekey-all.c have in common. */
#ifndef VTPM_VTPMD_REKEY_H
#define VTPM_VTPMD_REKEY_H

#include "nvram/store.h"
#include "vtpmd/vtpm.h"

enum rekey_kind { REKEY_ANEW, REKEY_ATTACH, REKEY_DETACH };

struct rekey_plan {
	enum rekey_kind kind;
	bool deep, of_all;
	char provider[NAME_MAX_LEN + 1]; /* whose wraps; "" for all */
	char to[NAME_MAX_LEN + 1];	 /* in their place; "" for the same */

	/* By rekey_plan(): which wraps the file is to have. */
	uint32_t n;
	struct {
		char provider[NAME_MAX_LEN + 1];
		bool anew; /* else the one that is there stays */
	} entry[NVRAM_MAX_WRAPS + 1];
};

struct operation;
/* Fill in the entries of op->plan, for the wraps of op->info. */
int rekey_plan(struct operation *op, struct error *err);

/*
 * Rekey every vTPM, or with o->provider all that have a wrap of it; @call is
 * answered when all of it has been tried. -EBUSY: that is under way already.
 */
int rekey_all(struct manager *m, const struct rekey_options *o,
	      struct call *call, struct error *err);
/* A job has ended: go on with it, if it is under way. */
void rekey_all_continue(struct manager *m);
void rekey_all_result(struct manager *m, const char *name,
		      const struct error *err);

#endif
