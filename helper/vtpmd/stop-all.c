// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * StopAll: before the host goes down, and whenever an administrator wants it.
 * The end of vtpmd alone is no reason: engines go on, and the next vtpmd takes
 * them over, so that an upgrade resets no PCR.
 */
#include <errno.h>
#include <stdio.h>

#include "vtpmd/locked.h"
#include "vtpmd/manager.h"
#include "vtpmd/server.h"
#include "vtpmd/stop-all.h"

static bool stoppable(const struct vtpm *v)
{
	return v->state == VTPM_RUNNING || v->state == VTPM_FAILED;
}

static void progress(struct manager *m, unsigned int left)
{
	char text[64];

	snprintf(text, sizeof(text), "%u vTPMs to stop", left);
	call_continue(m->stop_all, json_pack("{s:s}", "progress", text));
}

static void answer(struct manager *m)
{
	json_t *left = json_array();
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		v->want_stop = false;
		if (stoppable(v))
			json_array_append_new(left, json_text(v->name));
	}
	call_reply(m->stop_all, json_pack("{s:o}", "left", left));
	m->stop_all = NULL;
}

void stop_all_continue(struct manager *m)
{
	unsigned int left = 0;
	struct vtpm *v;

	if (!m->stop_all)
		return;
	TAILQ_FOREACH(v, &m->vtpms, link) {
		/* Busy: too many at once; after one of them, then. */
		if (v->want_stop && !v->busy && stoppable(v))
			v->want_stop = vtpm_stop(v, NULL, NULL) == -EBUSY;
		left += v->busy || (v->want_stop && stoppable(v));
	}
	if (left)
		progress(m, left);
	else
		answer(m);
}

int stop_all(struct manager *m, struct call *call, struct error *err)
{
	struct vtpm *v;

	if (m->stop_all)
		return error_set(
			err, -EBUSY, VTPM_ERR_BUSY,
			"all vTPMs are being stopped already; see: vtpmctl list");
	m->stop_all = call;
	TAILQ_FOREACH(v, &m->vtpms, link) {
		ask_ahead_forget(v);
		locked_forget(v);
		/* One that is being started now is stopped after that. */
		v->want_stop = stoppable(v) || v->busy;
	}
	stop_all_continue(m);
	return 0;
}
