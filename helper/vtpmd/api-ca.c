// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods of the built-in CA; each but a look at it is a job. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/json.h"
#include "vtpmd/api.h"
#include "vtpmd/ca.h"
#include "vtpmd/identity.h"
#include "vtpmd/manager.h"
#include "vtpmd/provider-change.h"
#include "vtpmd/server.h"

/* Of its name in subjects, which X.509 limits. */
#define MAX_NAME 40
#define MAX_URL 256

struct ca_work {
	struct call *call;
	const struct config *cfg;
	int (*run)(const struct ca_work *w, struct error *err);
	char provider[NAME_MAX_LEN + 1];
	char algorithm[16], name[MAX_NAME + 1];
	char aia[MAX_URL + 1], crl[MAX_URL + 1];
	int days;
	json_t *serials;
};

static int run(struct job *job, void *arg, struct error *err)
{
	struct ca_work *w = arg;

	(void)job;
	return w->run(w, err);
}

static void done(void *arg, const struct error *err)
{
	struct ca_work *w = arg;
	struct error failed = { 0 };
	json_t *ca = NULL;

	if (err)
		call_error(w->call, err);
	else if (w->serials)
		call_reply(w->call, json_pack("{s:O}", "revoked", w->serials));
	else if (ca_show(w->cfg, &ca, &failed) == -ENOENT)
		call_reply(w->call, NULL);
	else if (ca)
		call_reply(w->call, json_pack("{s:o}", "ca", ca));
	else
		call_error(w->call, &failed);
	json_decref(w->serials);
	free(w);
}

static const struct job_ops ca_ops = {
	.name = "ca",
	.run = run,
	.done = done,
};

/* Takes over what @template refers to. */
static int start(struct manager *m, struct call *call,
		 const struct ca_work *template, struct error *err)
{
	struct ca_work *w = malloc(sizeof(*w));
	int r = w ? 0
		  : error_set(err, -ENOMEM, VTPM_ERR_INTERNAL, "out of memory");

	if (!r) {
		*w = *template;
		w->call = call;
		w->cfg = &m->config;
		r = job_start(m->jobs, &ca_ops, w, err);
	}
	if (r < 0) {
		json_decref(template->serials);
		free(w);
	}
	return r;
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static int run_init(const struct ca_work *w, struct error *err)
{
	const struct ca_options o = {
		.provider = w->provider,
		.algorithm = or_null(w->algorithm),
		.name = or_null(w->name),
		.aia = or_null(w->aia),
		.crl = or_null(w->crl),
	};

	return ca_init(w->cfg, &o, err);
}

/* The provider @wanted or the default one. */
static int choose(struct manager *m, const char *wanted, char *out,
		  struct error *err)
{
	const struct provider *p = wanted ? provider_find(m, wanted, err)
					  : manager_default_provider(m);

	if (!p && wanted)
		return err->errnum;
	if (!p)
		return error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
				 "there is no default key provider; name one "
				 "with --provider, or make one with: vtpmctl "
				 "provider add native default");
	snprintf(out, NAME_MAX_LEN + 1, "%s", p->name);
	return 0;
}

/* Copy an optional text of at most @max bytes. */
static int take_text(const struct param_values *in, size_t i, const char *what,
		     char *out, size_t max, struct error *err)
{
	const char *text = param_string(in, i);
	size_t n = text ? strlen(text) : 0;

	if (n > max || (text && !n))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "%s is to be a text of 1 to %zu bytes", what,
				 max);
	memcpy(out, text ? text : "", n + 1);
	for (size_t at = 0; at < n; at++) {
		if (out[at] < 0x20 || out[at] > 0x7e)
			return error_set(err, -EINVAL, VTPM_ERR_INVALID,
					 "%s is to be printable ASCII", what);
	}
	return 0;
}

static int take_url(const struct param_values *in, size_t i, const char *what,
		    char *out, struct error *err)
{
	int r = take_text(in, i, what, out, MAX_URL - 8, err);

	if (!r && *out && (!strstr(out, "://") || strpbrk(out, " ,;\\\"'#$")))
		r = error_set(err, -EINVAL, VTPM_ERR_INVALID,
			      "%s is no URL: it has to begin like http://, "
			      "without spaces, commas and quotes",
			      what);
	return r;
}

int api_ca_init(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err)
{
	struct ca_work w = { .run = run_init };
	int r = choose(m, param_string(in, 0), w.provider, err);

	if (!r)
		r = take_text(in, 1, "the algorithm", w.algorithm,
			      sizeof(w.algorithm) - 1, err);
	if (!r && *w.algorithm && strcmp(w.algorithm, "p384") &&
	    strcmp(w.algorithm, "rsa3072"))
		r = error_set(err, -EINVAL, VTPM_ERR_INVALID,
			      "the algorithm of a CA is p384 or rsa3072");
	if (!r)
		r = take_text(in, 2, "the name", w.name, MAX_NAME, err);
	if (!r)
		r = take_url(in, 3, "the AIA URL", w.aia, err);
	if (!r)
		r = take_url(in, 4, "the CRL URL", w.crl, err);
	return r < 0 ? r : start(m, call, &w, err);
}

int api_ca_show(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err)
{
	json_t *ca = NULL;
	int r = ca_show(&m->config, &ca, err);

	(void)in;
	if (!r)
		call_reply(call, json_pack("{s:o}", "ca", ca));
	return r;
}

int api_ca_export(struct manager *m, struct call *call,
		  const struct param_values *in, struct error *err)
{
	const char *what = param_string(in, 0);
	json_t *pem = NULL;
	int r = ca_export(&m->config, what ? what : "issuing", &pem, err);

	if (!r)
		call_reply(call, json_pack("{s:o}", "pem", pem));
	return r;
}

static int run_renew(const struct ca_work *w, struct error *err)
{
	return ca_renew(w->cfg, err);
}

int api_ca_renew(struct manager *m, struct call *call,
		 const struct param_values *in, struct error *err)
{
	(void)in;
	return start(m, call, &(struct ca_work){ .run = run_renew }, err);
}

static int run_rekey(const struct ca_work *w, struct error *err)
{
	return ca_rekey(w->cfg, or_null(w->provider), err);
}

int api_ca_rekey(struct manager *m, struct call *call,
		 const struct param_values *in, struct error *err)
{
	struct ca_work w = { .run = run_rekey };
	const char *to = param_string(in, 0);
	int r = to ? choose(m, to, w.provider, err) : 0;

	return r < 0 ? r : start(m, call, &w, err);
}

static int run_crl(const struct ca_work *w, struct error *err)
{
	return ca_make_crls(w->cfg, w->days, err);
}

int api_ca_crl(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err)
{
	json_int_t days = in->v[0] ? json_integer_value(in->v[0]) : CA_CRL_DAYS;

	if (days < 1 || days > 3660)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "a CRL is good for 1 to 3660 days");
	return start(m, call,
		     &(struct ca_work){ .run = run_crl, .days = (int)days },
		     err);
}

static int run_remove(const struct ca_work *w, struct error *err)
{
	return ca_remove(w->cfg, err);
}

int api_ca_remove(struct manager *m, struct call *call,
		  const struct param_values *in, struct error *err)
{
	(void)in;
	return start(m, call, &(struct ca_work){ .run = run_remove }, err);
}

static int run_revoke(const struct ca_work *w, struct error *err)
{
	return ca_revoke(w->cfg, w->serials, err);
}

/* Of all certificates of the vTPM that our CA has issued. */
static json_t *serials_of(const struct vtpm *v)
{
	const json_t *keys = json_object_get(v->facts, "keys");
	json_t *out = json_array(), *key;
	size_t i;

	json_array_foreach((json_t *)keys, i, key) {
		if (!strcmp(json_member(key, "issuedBy"), "ca"))
			json_array_append(out, json_object_get(key, "serial"));
	}
	return out;
}

static bool is_serial(const char *text)
{
	size_t n = strlen(text);

	return n && n <= 40 && !(n % 2) &&
	       strspn(text, "0123456789abcdef") == n;
}

int api_ca_revoke(struct manager *m, struct call *call,
		  const struct param_values *in, struct error *err)
{
	const char *name = param_string(in, 0), *serial = param_string(in, 1);
	struct ca_work w = { .run = run_revoke };
	struct vtpm *v;

	if (!name == !serial)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "either a vTPM or a serial number is revoked");
	if (serial && !is_serial(serial))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "a serial number is hexadecimal, as shown by: "
				 "vtpmctl ek show NAME");
	v = name ? manager_find(m, name, err) : NULL;
	if (name && !v)
		return err->errnum;
	w.serials = v ? serials_of(v) : json_pack("[s]", serial);
	if (json_array_size(w.serials))
		return start(m, call, &w, err);
	json_decref(w.serials);
	return error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
			 "vTPM %s has no certificate of the built-in CA", name);
}
