/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a state can be written as for another program, beside its own file. */
#ifndef VTPM_ENGINE_TARGET_H
#define VTPM_ENGINE_TARGET_H

#include "nvram/store.h"

/*
 * Write the state of @from to @fd, an empty file, as one of @kind that opens
 * with @secret. The state is not changed.
 *
 * "swtpm": tpm2-00.permall, with a key of swtpm; plain where @secret is empty.
 */
int target_write(const char *kind, int fd, const struct secret *secret,
		 const struct nvram *from, struct error *err);

#endif
