// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * RekeyAll and ProviderForget: one vTPM after the other, so that a provider is asked for one thing
 * at a time. One that cannot be rekeyed does not hold up the others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vtpmd/manager.h"
#include "vtpmd/rekey.h"
#include "vtpmd/server.h"

struct rekey_all {
	struct call *call;
	char provider[NAME_MAX_LEN + 1], to[NAME_MAX_LEN + 1];
	bool deep, forget;
	bool at_work; /* a job has one of them */
	unsigned int total;
	json_t *done, *failed;
};

void rekey_all_result(struct manager *m, const char *name,
		      const struct error *err)
{
	struct rekey_all *all = m->rekey_all;

	if (!all)
		return;
	all->at_work = false;
	if (err)
		json_array_append_new(all->failed,
				      json_pack("{s:s, s:s, s:o}", "name", name,
						"error", err->code, "message",
						json_text(err->text)));
	else
		json_array_append_new(all->done, json_string(name));
}

static void progress(struct rekey_all *all, const char *name)
{
	size_t n = json_array_size(all->done) + json_array_size(all->failed);
	char text[NAME_MAX_LEN + 64];

	snprintf(text, sizeof(text), "%s %s, %zu of %u",
		 all->forget ? "taking a wrap out of" : "rekeying", name, n + 1,
		 all->total);
	call_continue(all->call, json_pack("{s:s}", "progress", text));
}

/* True if a job has been started for it. */
static bool try_one(struct manager *m, struct vtpm *v)
{
	struct rekey_all *all = m->rekey_all;
	const struct rekey_options o = {
		.provider = all->provider[0] ? all->provider : NULL,
		.to = all->to[0] ? all->to : NULL,
		.deep = all->deep,
		.forget = all->forget,
		.of_all = true,
	};
	struct error err = { 0 };

	v->want_rekey = false;
	progress(all, v->name);
	all->at_work = true;
	if (!vtpm_rekey(v, &o, NULL, &err))
		return true;
	rekey_all_result(m, v->name, &err);
	return false;
}

static void answer(struct manager *m)
{
	struct rekey_all *all = m->rekey_all;

	m->rekey_all = NULL;
	call_reply(all->call, json_pack("{s:o, s:o}", "done", all->done,
					"failed", all->failed));
	free(all);
}

void rekey_all_continue(struct manager *m)
{
	const struct error ending = { .code = VTPM_ERR_BUSY,
				      .text = "vtpmd is stopping" };
	bool wait = false;
	struct vtpm *v;

	if (!m->rekey_all || m->rekey_all->at_work)
		return;
	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (!v->want_rekey)
			continue;
		if (m->stopping) {
			v->want_rekey = false;
			rekey_all_result(m, v->name, &ending);
		} else if (v->busy) {
			/* What works on it ends, and then we are back. */
			wait = true;
		} else if (try_one(m, v)) {
			return;
		}
	}
	if (!wait)
		answer(m);
}

int rekey_all(struct manager *m, const struct rekey_options *o,
	      struct call *call, struct error *err)
{
	struct rekey_all *all;
	struct vtpm *v;

	if (m->rekey_all)
		return error_set(err, -EBUSY, VTPM_ERR_BUSY,
				 "another rekey of several vTPMs is under way; "
				 "wait for it and try again");
	all = calloc(1, sizeof(*all));
	if (!all)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	all->call = call;
	all->deep = o->deep;
	all->forget = o->forget;
	all->done = json_array();
	all->failed = json_array();
	snprintf(all->provider, sizeof(all->provider), "%s",
		 o->provider ? o->provider : "");
	snprintf(all->to, sizeof(all->to), "%s", o->to ? o->to : "");
	m->rekey_all = all;
	TAILQ_FOREACH(v, &m->vtpms, link) {
		v->want_rekey = !v->new && (!o->provider ||
					    vtpm_uses_provider(v, o->provider));
		all->total += v->want_rekey;
	}
	rekey_all_continue(m);
	return 0;
}
