/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vtpmd asks of vtpm-identity: one JSON object; identity.rst has the
 * table.
 */
#ifndef VTPM_IDENTITY_REQUEST_H
#define VTPM_IDENTITY_REQUEST_H

#include <jansson.h>
#include <tss2/tss2_esys.h>

#include "util/error.h"

#define IDENTITY_MAX_REQUEST (256 * 1024) /* bytes of JSON */

/* Do what @request says, and put what came of it into @reply. */
int request_run(ESYS_CONTEXT *esys, const json_t *request, json_t *reply,
		struct error *err);

#endif
