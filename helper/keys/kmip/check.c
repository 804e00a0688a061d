// SPDX-License-Identifier: GPL-2.0-or-later
/* Every server of the configuration, each from its name to its key. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <openssl/x509.h>

#include "keys/check.h"
#include "keys/kmip/check.h"
#include "keys/kmip/wrap.h"
#include "util/clock.h"

#define VALUE_LEN 32
#define RENEW_DAYS 30

/* "HOST:PORT: STEP" */
#define STEP_LEN (KMIP_MAX_HOST + 32)

struct target {
	struct check *c;
	const struct kmip_config *config;
	const struct kmip_server *server;
};

static bool step(const struct target *t, const char *what, int r,
		 const struct error *why, const char *text)
{
	char name[STEP_LEN];

	snprintf(name, sizeof(name), "%s:%s: %s", t->server->host,
		 t->server->port, what);
	return check_step(t->c, name, r, why, "%s", text);
}

/* All addresses of a name share the time that a server has. */
static int connect_to(const struct addrinfo *a, int64_t deadline)
{
	_cleanup_close_ int fd = socket(
		a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
		a->ai_protocol);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int64_t left = deadline - clock_ms();
	int e = 0;

	if (fd < 0)
		return -errno;
	if (!connect(fd, a->ai_addr, a->ai_addrlen))
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&p, 1, left > 0 ? left : 0) <= 0)
		return -ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0 ? -errno : -e;
}

static bool check_network(const struct target *t)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	struct error why = { 0 };
	int64_t deadline;
	int r = getaddrinfo(t->server->host, t->server->port, &hints, &list);

	if (r)
		error_set(&why, -ENXIO, VTPM_ERR_PROVIDER,
			  "no address for the name (%s); check \"servers\" and "
			  "DNS",
			  gai_strerror(r));
	if (!step(t, "DNS", r, &why, "has an address"))
		return false;
	deadline = clock_ms() + t->config->timeout * INT64_C(1000);
	r = -ENXIO;
	for (const struct addrinfo *a = list; a && r; a = a->ai_next)
		r = connect_to(a, deadline);
	freeaddrinfo(list);
	if (r)
		error_set(&why, r, VTPM_ERR_PROVIDER,
			  "%s; check that the server is up, and firewalls",
			  strerror(-r));
	return step(t, "TCP", r, &why, "connects");
}

static void check_certificate(const struct target *t, const char *whose,
			      const X509 *cert)
{
	struct error why = { 0 };
	int days = 0, seconds = 0, r = 0;
	char text[80];

	/* From now. */
	if (!cert ||
	    !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)))
		r = error_set(&why, -EBADMSG, VTPM_ERR_PROVIDER,
			      "has no end that can be read");
	else if (days < 0 || seconds < 0)
		r = error_set(&why, -EKEYEXPIRED, VTPM_ERR_PROVIDER,
			      "has expired; renew it");
	snprintf(text, sizeof(text), "expires in %d days%s", days,
		 days < RENEW_DAYS ? "; renew it" : "");
	step(t, whose, r, &why, text);
}

static void check_certificates(const struct target *t, const struct kmip *k)
{
	X509 *server = SSL_get1_peer_certificate(k->tls.ssl);

	check_certificate(t, "server's certificate", server);
	check_certificate(t, "our certificate",
			  SSL_get_certificate(k->tls.ssl));
	X509_free(server);
}

static int round_trip(struct kmip *k, const char *id, struct error *err)
{
	_cleanup_(secret) struct secret *value = secret_random(VALUE_LEN);
	_cleanup_(secret) struct secret *back = NULL;
	uint8_t wrapped[VALUE_LEN + KMIP_WRAP_OVERHEAD];
	uint8_t context[UUID_LEN];
	size_t len;
	int e = value ? 0 : provider_out_of_memory(err);

	uuid_new(context);
	if (!e)
		e = kmip_wrap(k, id, context, value, wrapped, &len, err);
	if (!e)
		e = kmip_unwrap(k, id, context, wrapped, len, &back, err);
	return e ? e : check_same(value, back, err);
}

static void check_keys(const struct target *t, struct kmip *k)
{
	_cleanup_free_ struct kmip_key *keys = NULL;
	struct error why = { 0 };
	size_t n = 0;
	int r = kmip_list(k, &keys, &n, &why);

	if (!step(t, "rights", r, &why, "our keys are listed"))
		return;
	while (n && keys[n - 1].state != KMIP_ACTIVE)
		n--;
	if (!n)
		r = error_set(&why, -ENOKEY, VTPM_ERR_KEY_MISSING,
			      "there is no active one; check \"label\", or add "
			      "the provider anew");
	if (!step(t, "key", r, &why, "there is an active one"))
		return;
	r = round_trip(k, keys[n - 1].id, &why);
	step(t, "wrap and unwrap", r, &why, "a random value");
}

static void check_server(const struct target *t, SSL_CTX *ctx)
{
	struct error why = { 0 };
	char text[32];
	struct kmip k;
	bool secure;
	int r;

	if (!check_network(t))
		return;
	r = kmip_open(&k, ctx, t->config, t->server, &why);
	/* A protocol that fails comes after TLS that did not. */
	secure = k.tls.ssl && SSL_is_init_finished(k.tls.ssl);
	if (step(t, "TLS", secure ? 0 : r, &why, "both sides agree")) {
		check_certificates(t, &k);
		snprintf(text, sizeof(text), "KMIP %u.%u", k.version.major,
			 k.version.minor);
		if (step(t, "protocol version", r, &why, text))
			check_keys(t, &k);
	}
	kmip_close(&k);
}

int kmip_check(const struct request *r, json_t *reply, struct error *err)
{
	struct kmip_config config;
	struct error why = { 0 };
	SSL_CTX *ctx = NULL;
	struct check c;
	int e;

	check_begin(&c);
	e = kmip_config_read(r, &config, &why);
	if (check_step(&c, "configuration", e, &why, "can be used")) {
		e = tls_context_new(&config, &ctx, &why);
		if (!check_step(&c, "certificate files", e, &why,
				"can be read"))
			return check_end(&c, reply, err);
		for (size_t i = 0; i < config.servers; i++)
			check_server(&(struct target){ &c, &config,
						       &config.server[i] },
				     ctx);
		SSL_CTX_free(ctx);
	}
	return check_end(&c, reply, err);
}
