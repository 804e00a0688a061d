// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "keys/kmip/servers.h"

int kmip_servers_open(const struct request *r, struct kmip_servers *s,
		      struct error *err)
{
	int e;

	memset(s, 0, sizeof(*s));
	e = kmip_config_read(r, &s->config, err);
	return e ? e : tls_context_new(&s->config, &s->ctx, err);
}

void kmip_servers_close(struct kmip_servers *s)
{
	if (s->open)
		kmip_close(&s->k);
	s->open = false;
	SSL_CTX_free(s->ctx);
	s->ctx = NULL;
}

static int use_server(struct kmip_servers *s, struct error *err)
{
	if (s->open) {
		tls_renew(&s->k.tls, s->config.timeout);
		return 0;
	}
	s->open = true;
	return kmip_open(&s->k, s->ctx, &s->config, &s->config.server[s->at],
			 err);
}

int kmip_servers_do(struct kmip_servers *s, kmip_fn fn, void *arg,
		    struct error *err)
{
	int e;

	while (s->at < s->config.servers) {
		struct error one = { 0 };
		bool ready;

		e = use_server(s, &one);
		ready = !e;
		if (!e)
			e = fn(&s->k, arg, &one);
		if (!e)
			return 0;
		if (s->lost.text[0])
			error_prefix(&one, "%s; then", s->lost.text);
		if (ready && !s->k.lost)
			return error_set(err, e, one.code, "%s", one.text);
		/* Nor is one of another version a reason to ask the next. */
		s->at = s->k.lost ? s->at + 1 : s->config.servers;
		s->lost = one;
		s->lost.errnum = e;
		kmip_close(&s->k);
		s->open = false;
	}
	return error_set(err, s->lost.errnum, s->lost.code, "%s", s->lost.text);
}
