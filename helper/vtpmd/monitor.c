// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "vtpmd/manager.h"
#include "vtpmd/server.h"

struct watcher {
	TAILQ_ENTRY(watcher) link;
	struct manager *m;
	struct call *call;
};

static void on_gone(void *arg)
{
	struct watcher *w = arg;

	TAILQ_REMOVE(&w->m->watchers, w, link);
	call_done(w->call);
	free(w);
}

int monitor_add(struct manager *m, struct call *call)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->m = m;
	w->call = call;
	TAILQ_INSERT_TAIL(&m->watchers, w, link);
	call_on_gone(call, on_gone, w);
	call_continue(call, json_object());
	return 0;
}

void monitor_event(struct manager *m, const char *event, const char *name,
		   const char *old_state, const char *state, const char *reason)
{
	_cleanup_(json) json_t *ev = json_object();
	struct watcher *w, *next;
	struct timespec ts;
	struct tm tm;
	char when[32];

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_set_new(ev, "time", json_string(when));
	json_object_set_new(ev, "event", json_string(event));
	json_object_set_new(ev, "name", json_text(name));
	if (old_state)
		json_object_set_new(ev, "oldState", json_string(old_state));
	if (state)
		json_object_set_new(ev, "state", json_string(state));
	if (reason)
		json_object_set_new(ev, "reason", json_text(reason));
	/* A watcher that does not keep up loses its connection in here. */
	for (w = TAILQ_FIRST(&m->watchers); w; w = next) {
		next = TAILQ_NEXT(w, link);
		call_continue(w->call, json_pack("{s:O}", "event", ev));
	}
}

void monitor_close_all(struct manager *m)
{
	struct watcher *w;

	while ((w = TAILQ_FIRST(&m->watchers))) {
		TAILQ_REMOVE(&m->watchers, w, link);
		call_done(w->call);
		free(w);
	}
}
