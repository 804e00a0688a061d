/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_KEYS_KMIP_CHECK_H
#define VTPM_KEYS_KMIP_CHECK_H

#include "keys/provider.h"

/* The operation "check". */
int kmip_check(const struct request *r, json_t *reply, struct error *err);

#endif
