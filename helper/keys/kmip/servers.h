/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The servers of a configuration: the first that can be had does it. Only a lost
 * connection is a reason to ask the next; what a server refuses, it refuses.
 */
#ifndef VTPM_KEYS_KMIP_SERVERS_H
#define VTPM_KEYS_KMIP_SERVERS_H

#include "keys/kmip/message.h"

struct kmip_servers {
	struct kmip_config config;
	SSL_CTX *ctx;
	size_t at; /* the one in use, or to be tried next */
	bool open;
	struct kmip k;
	struct error lost; /* what became of those before; empty: nothing */
};

/* Connects to none. To be closed if it returns 0. */
int kmip_servers_open(const struct request *r, struct kmip_servers *s,
		      struct error *err);
void kmip_servers_close(struct kmip_servers *s);

typedef int (*kmip_fn)(struct kmip *k, void *arg, struct error *err);

/*
 * Run @fn with a server, and with the next one if that is lost, which begins
 * anew: a key that was made before stays unused. The connection is kept for the
 * next call; each has the time of the configuration.
 */
int kmip_servers_do(struct kmip_servers *s, kmip_fn fn, void *arg,
		    struct error *err);

#endif
