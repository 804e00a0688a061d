/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a new file can have its state from, other than a new TPM: a copy of the
 * state of a TPM that is elsewhere.
 */
#ifndef VTPM_ENGINE_SOURCE_H
#define VTPM_ENGINE_SOURCE_H

#include "nvram/store.h"

/*
 * Read the state from @fd, a file of @kind that opens with @secret, and commit
 * it to @to, which has none. Who made it is recorded, so that a library that is
 * too old for it refuses it by name. @fd may be written to.
 *
 * "nvram": another state file, and its data key. "swtpm": swtpm's
 * tpm2-00.permall, and its key, or an empty @secret for a plain one.
 */
int source_take(const char *kind, int fd, const struct secret *secret,
		struct nvram *to, struct error *err);

#endif
