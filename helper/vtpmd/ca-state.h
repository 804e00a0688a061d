/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of the CA, and the copies of what is public in it; for ca*.c. */
#ifndef VTPM_VTPMD_CA_STATE_H
#define VTPM_VTPMD_CA_STATE_H

#include <jansson.h>

#include "nvram/store.h"
#include "vtpmd/config.h"

/* Keep everybody else from changing it, until *fd is closed. */
int ca_lock(const struct config *cfg, int *fd, struct error *err);
bool ca_exists(const struct config *cfg);
/* VTPM_ERR_NOT_FOUND and -ENOENT if there is no CA. */
int ca_load(const struct config *cfg, json_t **out, struct error *err);
/* The file, then the copies. */
int ca_save(const struct config *cfg, const json_t *state, struct error *err);

int ca_get_uuid(const json_t *state, uint8_t uuid[UUID_LEN], struct error *err);
int ca_get_wrap(const json_t *state, struct nvram_wrap *out, struct error *err);
int ca_set_wrap(json_t *state, const struct nvram_wrap *w);

/* The newest issuing certificate, or NULL; and how many there are. */
json_t *ca_newest(const json_t *state);
size_t ca_generations(const json_t *state);

/* PEM of what is base64 already, added to the text @pem; a new text. */
char *pem_append(char *pem, const char *label, const char *base64);

#endif
