/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A key provider as the control API has it, in two halves. */
#ifndef VTPM_VTPMD_PROVIDER_SHOW_H
#define VTPM_VTPMD_PROVIDER_SHOW_H

#include <jansson.h>

#include "vtpmd/manager.h"

/* In a job: what the program and the file say of a provider. */
json_t *provider_describe(const struct config *cfg, const char *name);
/* In the main loop: what only the manager knows. */
void provider_complete(struct manager *m, json_t *info);
/* Names of the vTPMs with a wrap of @provider; a new reference. */
json_t *provider_users(struct manager *m, const char *provider);

#endif
