/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_KEYS_KMIP_CONFIG_H
#define VTPM_KEYS_KMIP_CONFIG_H

#include "keys/provider.h"

#define KMIP_MAX_SERVERS 5
#define KMIP_MAX_HOST 253
#define KMIP_MAX_LABEL 64

enum kmip_mode { KMIP_GET, KMIP_ENCRYPT, KMIP_AUTO };

struct kmip_server {
	char host[KMIP_MAX_HOST + 1];
	char port[6];
	char name[KMIP_MAX_HOST + 9]; /* as it was configured, for messages */
};

struct kmip_version {
	unsigned int major, minor; /* 0, 0: the highest that both have */
};

/* The texts are the request's. */
struct kmip_config {
	struct kmip_server server[KMIP_MAX_SERVERS];
	size_t servers;
	const char *ca, *certificate, *private_key; /* names of files */
	const char *label;
	struct kmip_version version;
	unsigned int timeout; /* seconds, for each server */
	enum kmip_mode mode;
};

int kmip_config_read(const struct request *r, struct kmip_config *out,
		     struct error *err);

#endif
