/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mutual TLS to one server, with a deadline for everything that is done with
 * it. All errors are VTPM_ERR_PROVIDER: the server cannot be had now.
 */
#ifndef VTPM_KEYS_KMIP_TLS_H
#define VTPM_KEYS_KMIP_TLS_H

#include <openssl/ssl.h>

#include "keys/kmip/config.h"

struct tls {
	const struct kmip_server *server;
	SSL *ssl;
	int fd;
	int64_t deadline; /* CLOCK_MONOTONIC, milliseconds */
};

/* What is the same for all servers; the caller frees *out. */
int tls_context_new(const struct kmip_config *c, SSL_CTX **out,
		    struct error *err);

/* @out is to be closed in any case. */
int tls_connect(SSL_CTX *ctx, const struct kmip_server *server,
		unsigned int timeout, struct tls *out, struct error *err);
/* @timeout seconds from now, for what comes next. */
void tls_renew(struct tls *t, unsigned int timeout);
int tls_write(struct tls *t, const void *data, size_t len, struct error *err);
/* All of @len bytes. */
int tls_read(struct tls *t, void *data, size_t len, struct error *err);
void tls_close(struct tls *t);

#endif
