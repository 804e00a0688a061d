// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "keys/kmip/tls.h"
#include "util/clock.h"

/* What OpenSSL has against it; the queue is empty afterwards. */
static const char *why(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return text ? text : "the connection was closed";
}

/* Nobody is there to be asked for a passphrase. */
static int no_passphrase(char *buf, int size, int write, void *data)
{
	(void)buf;
	(void)size;
	(void)write;
	(void)data;
	return -1;
}

static int bad_file(struct error *err, const char *member, const char *file)
{
	return error_set(err, -EACCES, VTPM_ERR_PROVIDER,
			 "cannot use \"%s\", %s: %s; it has to be PEM without "
			 "a passphrase that user vtpm-keys can read",
			 member, file, why());
}

int tls_context_new(const struct kmip_config *c, SSL_CTX **out,
		    struct error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int r = 0;

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION)) {
		SSL_CTX_free(ctx);
		return error_set(err, -EIO, VTPM_ERR_PROVIDER,
				 "OpenSSL cannot do TLS: %s", why());
	}
	/* A key that the server sends is not to stay in its buffers. */
	SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT |
					 SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_load_verify_file(ctx, c->ca) != 1)
		r = bad_file(err, "ca", c->ca);
	else if (SSL_CTX_use_certificate_chain_file(ctx, c->certificate) != 1)
		r = bad_file(err, "certificate", c->certificate);
	else if (SSL_CTX_use_PrivateKey_file(ctx, c->private_key,
					     SSL_FILETYPE_PEM) != 1)
		r = bad_file(err, "private-key", c->private_key);
	if (r)
		SSL_CTX_free(ctx);
	else
		*out = ctx;
	return r;
}

/* "HOST:PORT: " in front of what is wrong. */
static int server_error(const struct tls *t, struct error *err, int errnum,
			const char *what)
{
	return error_set(err, errnum, VTPM_ERR_PROVIDER, "%s: %s",
			 t->server->name, what);
}

static int timed_out(const struct tls *t, struct error *err)
{
	return server_error(t, err, -ETIMEDOUT,
			    "no answer in time; check that the server is up, "
			    "or raise \"timeout-seconds\"");
}

/* 0, or -ETIMEDOUT after the deadline. */
static int wait_for(const struct tls *t, short events)
{
	for (;;) {
		struct pollfd p = { .fd = t->fd, .events = events };
		int64_t left = t->deadline - clock_ms();
		int n = left > 0 ? poll(&p, 1, left) : 0;

		if (n > 0)
			return 0;
		if (!n)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int connect_one(struct tls *t, const struct addrinfo *a)
{
	socklen_t len = sizeof(int);
	int r, e = 0;

	t->fd = socket(a->ai_family,
		       a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       a->ai_protocol);
	if (t->fd < 0)
		return -errno;
	if (connect(t->fd, a->ai_addr, a->ai_addrlen) == 0)
		return 0;
	r = -errno;
	if (r == -EINPROGRESS)
		r = wait_for(t, POLLOUT);
	if (!r && getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		r = -errno;
	if (!r)
		r = -e;
	if (r) {
		close(t->fd);
		t->fd = -1;
	}
	return r;
}

static int connect_any(struct tls *t, struct error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	int r = getaddrinfo(t->server->host, t->server->port, &hints, &list);

	if (r)
		return error_set(err, -ENXIO, VTPM_ERR_PROVIDER,
				 "%s: no address for the name (%s); check "
				 "\"servers\" and DNS",
				 t->server->name, gai_strerror(r));
	r = -ENXIO;
	for (const struct addrinfo *a = list; a && r; a = a->ai_next)
		r = connect_one(t, a);
	freeaddrinfo(list);
	if (r == -ETIMEDOUT)
		return timed_out(t, err);
	if (r)
		return error_set(err, r, VTPM_ERR_PROVIDER,
				 "%s: cannot connect: %s; check that the "
				 "server is up",
				 t->server->name, strerror(-r));
	return 0;
}

/* An address is in another field of the certificate than a name. */
static bool expect_name(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1)
		return true;
	ERR_clear_error();
	return X509_VERIFY_PARAM_set1_host(p, host, 0) == 1 &&
	       SSL_set_tlsext_host_name(ssl, host) == 1;
}

/*
 * What to do after SSL_x() returned @n: 0 to call it again, or an error that
 * @err has.
 */
static int after(struct tls *t, int n, struct error *err)
{
	int r, e = SSL_get_error(t->ssl, n);
	long verify = SSL_get_verify_result(t->ssl);

	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
		r = wait_for(t, e == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
		return r ? timed_out(t, err) : 0;
	}
	if (verify != X509_V_OK) {
		ERR_clear_error();
		return error_set(err, -EACCES, VTPM_ERR_PROVIDER,
				 "%s: the server's certificate is refused: "
				 "%s; check it, and \"ca\"",
				 t->server->name,
				 X509_verify_cert_error_string(verify));
	}
	/* A server that does not like our certificate ends it here, too. */
	return error_set(err, -ECONNRESET, VTPM_ERR_PROVIDER,
			 "%s: the TLS connection failed: %s; the server's "
			 "log may tell, and whether it takes \"certificate\"",
			 t->server->name, why());
}

void tls_renew(struct tls *t, unsigned int timeout)
{
	t->deadline = clock_ms() + timeout * INT64_C(1000);
}

int tls_connect(SSL_CTX *ctx, const struct kmip_server *server,
		unsigned int timeout, struct tls *out, struct error *err)
{
	int n, r;

	*out = (struct tls){ .server = server, .fd = -1 };
	tls_renew(out, timeout);
	r = connect_any(out, err);
	if (r)
		return r;
	out->ssl = SSL_new(ctx);
	if (!out->ssl || !expect_name(out->ssl, server->host) ||
	    SSL_set_fd(out->ssl, out->fd) != 1)
		return server_error(out, err, -EIO, why());
	while ((n = SSL_connect(out->ssl)) != 1) {
		r = after(out, n, err);
		if (r)
			return r;
	}
	return 0;
}

int tls_write(struct tls *t, const void *data, size_t len, struct error *err)
{
	size_t done;
	int n, r;

	/* Without SSL_MODE_ENABLE_PARTIAL_WRITE it is all or nothing. */
	while ((n = SSL_write_ex(t->ssl, data, len, &done)) != 1) {
		r = after(t, n, err);
		if (r)
			return r;
	}
	return 0;
}

int tls_read(struct tls *t, void *data, size_t len, struct error *err)
{
	uint8_t *p = data;
	size_t done;
	int n, r;

	while (len) {
		/* Also for one who sends a byte now and then. */
		if (clock_ms() > t->deadline)
			return timed_out(t, err);
		n = SSL_read_ex(t->ssl, p, len, &done);
		if (n == 1) {
			p += done;
			len -= done;
			continue;
		}
		r = after(t, n, err);
		if (r)
			return r;
	}
	return 0;
}

void tls_close(struct tls *t)
{
	if (t->ssl)
		SSL_shutdown(t->ssl);
	SSL_free(t->ssl);
	if (t->fd >= 0)
		close(t->fd);
	ERR_clear_error();
	t->ssl = NULL;
	t->fd = -1;
}
