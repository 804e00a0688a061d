/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the provider's configuration says; key-providers.rst has its members. */
#ifndef VTPM_KEYS_TPM2_CONFIG_H
#define VTPM_KEYS_TPM2_CONFIG_H

#include <jansson.h>

#include "keys/tpm2/pcrs.h"

struct tpm2_config {
	const char *tcti;   /* as tpm2-tss takes it */
	const char *device; /* of a "device" TCTI, else NULL */
	struct pcr_set pcrs;
	const char *owner_auth_file; /* NULL: the owner has no password */
};

/* VTPM_ERR_INVALID; the texts in *out belong to @config. */
int tpm2_config_parse(const json_t *config, struct tpm2_config *out,
		      struct error *err);

#endif
