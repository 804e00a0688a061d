/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a TPM says of itself, as the EK Credential Profile wants it. */
#ifndef VTPM_IDENTITY_PROPERTIES_H
#define VTPM_IDENTITY_PROPERTIES_H

#include <jansson.h>
#include <tss2/tss2_esys.h>

#include "util/error.h"

/*
 * Members manufacturer, model, version, family, level and revision; a new
 * reference in *out.
 */
int properties_read(ESYS_CONTEXT *esys, json_t **out, struct error *err);

#endif
