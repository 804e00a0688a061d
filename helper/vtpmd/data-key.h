/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The data key of a vTPM, by way of the providers that wrapped it. These run
 * provider programs and belong into jobs.
 */
#ifndef VTPM_VTPMD_DATA_KEY_H
#define VTPM_VTPMD_DATA_KEY_H

#include "nvram/store.h"
#include "vtpmd/config.h"

/*
 * The data key, by the first wrap that opens. If none does @err has the code
 * that leaves most hope, and says what each of the providers said.
 */
int data_key_unwrap(const struct config *cfg, const char *name,
		    const struct nvram_info *info, struct secret **key,
		    struct error *err);

/* By the one wrap @w, of whatever has the UUID. */
int data_key_unwrap_one(const struct config *cfg, const uint8_t uuid[UUID_LEN],
			const struct nvram_wrap *w, struct secret **key,
			struct error *err);

/*
 * A wrap of @key by @provider, which has opened it again: what cannot be
 * opened must not replace what can.
 */
int data_key_wrap(const struct config *cfg, const char *provider,
		  const struct secret *key, const uint8_t uuid[UUID_LEN],
		  struct nvram_wrap *out, struct error *err);

#endif
