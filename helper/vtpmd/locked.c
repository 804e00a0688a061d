// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <time.h>

#include "util/log.h"
#include "vtpmd/autostart.h"
#include "vtpmd/locked.h"
#include "vtpmd/manager.h"

/* A server that restarts is back soon, and one that is gone not asked often. */
#define RETRY_MIN_S 2
#define RETRY_MAX_S 300
/* Before the first wait: whoever asks has done something about it. */
#define RETRY_ANEW_S (RETRY_MIN_S / 2)

static int on_time(sd_event_source *source, uint64_t usec, void *arg)
{
	struct vtpm *v = arg;

	(void)source;
	(void)usec;
	v->retry_source = sd_event_source_disable_unref(v->retry_source);
	if (v->state == VTPM_LOCKED) {
		ask_ahead_want(v);
		autostart_continue(v->m);
	}
	return 0;
}

static void retry_later(struct vtpm *v)
{
	int r;

	v->retry_s = v->retry_s ? 2 * v->retry_s : RETRY_MIN_S;
	if (v->retry_s > RETRY_MAX_S)
		v->retry_s = RETRY_MAX_S;
	sd_event_source_disable_unref(v->retry_source);
	v->retry_source = NULL;
	r = sd_event_add_time_relative(v->m->event, &v->retry_source,
				       CLOCK_MONOTONIC, v->retry_s * 1000000ULL,
				       0, on_time, v);
	if (r < 0)
		log_warning("vTPM %s is not tried again by itself: %s", v->name,
			    strerror(-r));
}

void locked_forget(struct vtpm *v)
{
	v->retry_source = sd_event_source_disable_unref(v->retry_source);
	v->retry_s = 0;
}

/*
 * Its provider is back: the others need not wait for their time, and may share a run.
 * Once only: one whose own key is missing begins with short waits.
 */
static void try_others(const struct vtpm *v)
{
	const char *provider = v->info.wrap[0].provider;
	struct vtpm *o;

	TAILQ_FOREACH(o, &v->m->vtpms, link) {
		if (o->state != VTPM_LOCKED || o->retry_s <= RETRY_MIN_S ||
		    !vtpm_uses_provider(o, provider))
			continue;
		o->retry_s = RETRY_ANEW_S;
		ask_ahead_want(o);
	}
}

void locked_after_start(struct vtpm *v, const struct error *err)
{
	/* A key that was destroyed is not waited for. */
	bool wait = err && v->state == VTPM_LOCKED &&
		    strcmp(err->code, VTPM_ERR_KEY_DESTROYED);
	bool was_locked = v->retry_s;

	if (wait)
		retry_later(v);
	else
		locked_forget(v);
	if (!err && was_locked)
		try_others(v);
}

int locked_unlock(struct vtpm *v, struct call *call, struct error *err)
{
	if (!v->busy && v->state != VTPM_LOCKED)
		return error_set(err, -EINVAL, VTPM_ERR_STATE,
				 "vTPM %s is not locked but %s; see: vtpmctl "
				 "show %s",
				 v->name, vtpm_state_name(v->state), v->name);
	v->retry_s = RETRY_ANEW_S;
	return vtpm_start(v, NULL, call, err);
}

unsigned int locked_unlock_all(struct manager *m)
{
	struct vtpm *v;
	unsigned int n = 0;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (v->state != VTPM_LOCKED)
			continue;
		v->retry_s = RETRY_ANEW_S;
		ask_ahead_want(v);
		n++;
	}
	autostart_continue(m);
	return n;
}
