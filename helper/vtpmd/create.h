/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is common to all that makes a vTPM: create, and what has the state of its
 * TPM from somewhere else.
 */
#ifndef VTPM_VTPMD_CREATE_H
#define VTPM_VTPMD_CREATE_H

#include "vtpmd/operation.h"

/*
 * Make the vTPM @name by @template: start, ephemeral, certify, ek_types, keys,
 * settings, owner, mode and prepare are the caller's. @provider, or the default
 * one if that is NULL, wraps its data key.
 */
int create_start(struct manager *m, const char *name, const char *provider,
		 const struct operation *template, struct call *call,
		 struct error *err);

/*
 * The same by the options of a create; where the state comes from, and what
 * becomes of the keys, is @template's.
 */
int create_by(struct manager *m, const struct create_options *o,
	      const struct operation *template, struct call *call,
	      struct error *err);

/* What its job does, for a job of another kind. */
int create_run(struct job *job, void *arg, struct error *err);

#endif
