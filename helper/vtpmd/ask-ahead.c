// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"
#include "vtpmd/ask-ahead.h"
#include "vtpmd/manager.h"
#include "vtpmd/provider.h"
#include "vtpmd/registry.h"

/* Those who wait and whose first wrap is of one provider. */
struct ask_group {
	struct ask_group *next;
	char provider[NAME_MAX_LEN + 1];
	bool running; /* a run is under way */
	bool alone;   /* one failed: each asks for itself */
	bool slow;    /* and that may be for as long as a program may take */
	unsigned int waiting, ready; /* of ask_ahead_run(): to ask for, there */
};

/* The argument of the job. */
struct ask {
	struct manager *m;
	struct ask_group *group;
	const struct config *cfg;
	char provider[NAME_MAX_LEN + 1];
	size_t n;
	struct ready_key *key[PROVIDER_MAX_MANY];
	unsigned int opened;
	uint64_t ms;
};

static struct ask_group *find_group(struct manager *m, const char *provider)
{
	struct ask_group *g;

	for (g = m->ask_groups; g; g = g->next) {
		if (!strcmp(g->provider, provider))
			return g;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	snprintf(g->provider, sizeof(g->provider), "%s", provider);
	g->next = m->ask_groups;
	m->ask_groups = g;
	return g;
}

void ask_ahead_want(struct vtpm *v)
{
	if (v->want_start)
		return;
	v->want_start = true;
	/* Without a header it is the start that says what is wrong. */
	v->ask_group = v->have_info && v->info.n_wraps
			       ? find_group(v->m, v->info.wrap[0].provider)
			       : NULL;
	v->ask = v->ask_group && !v->ask_group->alone ? ASK_WANTS : ASK_DONE;
}

void ask_ahead_forget(struct vtpm *v)
{
	v->want_start = false;
	v->ask = ASK_DONE;
	v->ask_job = NULL;
	ready_key_free(v->ready_key);
	v->ready_key = NULL;
}

void ask_ahead_drop(struct manager *m, const char *provider)
{
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		bool wants = v->want_start;

		if (!v->ask_group || strcmp(v->ask_group->provider, provider))
			continue;
		ask_ahead_forget(v);
		v->want_start = wants;
	}
}

struct ready_key *ask_ahead_take(struct vtpm *v)
{
	struct ready_key *k = TAKE_PTR(v->ready_key);

	ask_ahead_forget(v);
	return k;
}

bool ask_ahead_is_slow(const struct vtpm *v)
{
	return v->ask_group && v->ask_group->slow && !v->ready_key;
}

void ask_ahead_end(struct manager *m)
{
	struct ask_group **at = &m->ask_groups;
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		ask_ahead_forget(v);
		v->ask_group = NULL;
	}
	while (*at) {
		struct ask_group *g = *at;

		/* The job comes back to its own. */
		if (g->running) {
			at = &g->next;
			continue;
		}
		*at = g->next;
		free(g);
	}
}

static int ask_run(struct job *job, void *arg, struct error *err)
{
	struct provider_ref p = { 0 };
	struct ask *a = arg;
	uint64_t began = clock_ms();
	int r = registry_load_provider(a->cfg, a->provider, &p, NULL, err);

	(void)job;
	if (!r && a->n)
		r = provider_unwrap_many(a->cfg, &p, a->key, a->n, err);
	provider_ref_deinit(&p);
	for (size_t i = 0; !r && i < a->n; i++)
		a->opened += a->key[i]->key != NULL;
	a->ms = clock_ms() - began;
	return r;
}

/* The others, too, need not wait for what cannot be had this way. */
static void leave_alone(struct ask *a, const struct error *err)
{
	struct ask_group *g = a->group;
	struct vtpm *v;

	g->alone = true;
	g->slow = !err || strcmp(err->code, VTPM_ERR_NOT_SUPPORTED);
	TAILQ_FOREACH(v, &a->m->vtpms, link) {
		if (v->ask_group == g && v->ask == ASK_WANTS)
			v->ask = ASK_DONE;
	}
}

static void hand_out(struct ask *a)
{
	struct vtpm *v;

	TAILQ_FOREACH(v, &a->m->vtpms, link) {
		if (v->ask != ASK_RUNS || v->ask_job != a)
			continue;
		if (a->key[v->ask_index]->key)
			v->ready_key = TAKE_PTR(a->key[v->ask_index]);
		v->ask = ASK_DONE;
		v->ask_job = NULL;
	}
}

static void ask_done(void *arg, const struct error *err)
{
	struct ask *a = arg;

	a->group->running = false;
	if (err)
		log_info("provider %s: vTPMs ask for their keys one by one: %s",
			 a->provider, err->text);
	else
		log_info("provider %s: %u of %zu data keys in %llu ms",
			 a->provider, a->opened, a->n,
			 (unsigned long long)a->ms);
	/* One that opened nothing will not open the rest in any time, either. */
	if (err || !a->opened)
		leave_alone(a, err);
	hand_out(a);
	for (size_t i = 0; i < a->n; i++)
		ready_key_free(a->key[i]);
	free(a);
}

static const struct job_ops ask_ops = {
	.name = "unwrap",
	.run = ask_run,
	.done = ask_done,
};

/* By what is known of the file; a start looks whether that is still so. */
static void add(struct ask *a, struct vtpm *v)
{
	struct ready_key *k = NULL;

	if (v->have_info && v->info.n_wraps &&
	    !strcmp(v->info.wrap[0].provider, a->provider))
		k = calloc(1, sizeof(*k));
	if (!k) {
		v->ask = ASK_DONE;
		return;
	}
	memcpy(k->uuid, v->info.uuid, UUID_LEN);
	k->wrap = v->info.wrap[0];
	v->ask = ASK_RUNS;
	v->ask_job = a;
	v->ask_index = a->n;
	a->key[a->n++] = k;
}

/* The first that wait for @g, up to as many as one request takes. */
static void start_run(struct manager *m, struct ask_group *g)
{
	struct ask *a = calloc(1, sizeof(*a));
	struct error err = { 0 };
	struct vtpm *v;

	if (!a)
		return;
	a->m = m;
	a->group = g;
	a->cfg = &m->config;
	snprintf(a->provider, sizeof(a->provider), "%s", g->provider);
	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (a->n < PROVIDER_MAX_MANY && v->ask == ASK_WANTS &&
		    v->ask_group == g && !v->busy)
			add(a, v);
	}
	g->running = true;
	if (job_start(m->jobs, &ask_ops, a, &err) < 0)
		ask_done(a, &err);
}

static void count_waiting(struct manager *m, unsigned int *runs)
{
	struct ask_group *g;
	struct vtpm *v;

	*runs = 0;
	for (g = m->ask_groups; g; g = g->next) {
		g->waiting = g->ready = 0;
		*runs += g->running;
	}
	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (!v->want_start || !v->ask_group)
			continue;
		v->ask_group->waiting += v->ask == ASK_WANTS && !v->busy;
		v->ask_group->ready += v->ready_key != NULL;
	}
}

void ask_ahead_run(struct manager *m, unsigned int low)
{
	struct ask_group *g;
	struct vtpm *v;
	unsigned int runs;

	count_waiting(m, &runs);
	for (g = m->ask_groups; g; g = g->next) {
		if (!g->waiting || g->running || g->ready >= low)
			continue;
		if (g->waiting > 1 && runs < ASK_AHEAD_RUNS) {
			start_run(m, g);
			runs++;
			continue;
		}
		/* For one of them there is nothing to share. */
		TAILQ_FOREACH(v, &m->vtpms, link) {
			if (v->ask_group == g && v->ask == ASK_WANTS)
				v->ask = ASK_DONE;
		}
	}
}
