/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running vtpm-identity; belongs into jobs. */
#ifndef VTPM_VTPMD_IDENTITY_H
#define VTPM_VTPMD_IDENTITY_H

#include "vtpmd/config.h"

/* Make the endorsement keys of the vTPM whose engine runs. */
int identity_make(const struct config *cfg, const char *name,
		  struct error *err);

#endif
