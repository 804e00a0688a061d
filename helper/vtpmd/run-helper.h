/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request to a program of ours that works on the identity of a vTPM: JSON
 * in, JSON out, in a sandbox without files and sockets. Waits; for jobs.
 */
#ifndef VTPM_VTPMD_RUN_HELPER_H
#define VTPM_VTPMD_RUN_HELPER_H

#include <jansson.h>

#include "vtpmd/config.h"

struct helper_run {
	char *const *argv;
	const struct account *user;
	json_t *request; /* consumed; NULL: memory was short */
	int fd;		 /* becomes descriptor 3; -1: none */
	int timeout_ms;
	const char *what; /* for errors: what it was to do */
};

/*
 * *reply is a new reference. An error that the program answers has the code
 * that it says; what else goes wrong is VTPM_ERR_IDENTITY.
 */
int helper_run(const struct config *cfg, const struct helper_run *run,
	       json_t **reply, struct error *err);

#endif
