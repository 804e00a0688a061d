/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the running state of a vTPM lies from which the next engine goes on:
 * RUN_DIR/checkpoint/NAME, on tmpfs. The engine has written it and is the one
 * to read it; here it is made, found and removed.
 */
#ifndef VTPM_VTPMD_CHECKPOINT_H
#define VTPM_VTPMD_CHECKPOINT_H

#include "vtpmd/config.h"

/* An empty one, in place of any of before. */
int checkpoint_make(const struct config *cfg, const char *name, int *fd,
		    struct error *err);
/* The one that there is; VTPM_ERR_CORRUPT if there is none. */
int checkpoint_find(const struct config *cfg, const char *name, int *fd,
		    struct error *err);
/* When the TPM has been powered off. */
void checkpoint_remove(const struct config *cfg, const char *name);

#endif
