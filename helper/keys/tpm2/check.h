/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_KEYS_TPM2_CHECK_H
#define VTPM_KEYS_TPM2_CHECK_H

#include "keys/provider.h"

/* The operation "check". */
int tpm2_check(const struct request *r, json_t *reply, struct error *err);

#endif
