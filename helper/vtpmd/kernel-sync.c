// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What happens to vTPMs in the kernel: its events, and, where some were lost, a
 * list of what there is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vtpm.h>

#include "util/log.h"
#include "vtpmd/kernel-sync.h"
#include "vtpmd/locked.h"
#include "vtpmd/manager.h"

/*
 * Only of those that ran before the list was asked for, and do so still, does it
 * say anything.
 */
struct sync {
	struct manager *m;
	struct kernel_instance *list;
	size_t n, n_ids;
	uint32_t ids[];
};

static bool can_lose_device(const struct vtpm *v)
{
	return v->state == VTPM_RUNNING || v->state == VTPM_RESUMING;
}

static void device_failed(struct vtpm *v, const char *reason)
{
	locked_forget(v);
	v->want_resume = false;
	vtpm_set_state(v, VTPM_FAILED,
		       reason[0] ? reason : "the kernel failed the device");
}

static void device_gone(struct vtpm *v)
{
	char reason[384];

	v->in_kernel = false;
	snprintf(reason, sizeof(reason),
		 "someone else removed the device; to begin anew: "
		 "vtpmctl stop %s, vtpmctl start %s",
		 v->name, v->name);
	vtpm_set_state(v, VTPM_FAILED, reason);
}

static struct vtpm *find_instance(struct manager *m, uint32_t id)
{
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (v->in_kernel && v->instance.id == id)
			return v;
	}
	return NULL;
}

/*
 * Transitions that we cause are known from the answers; what is left are those
 * that happen to a vTPM.
 */
static void on_transition(const struct kernel_event *ev, void *arg)
{
	struct manager *m = arg;
	struct vtpm *v = find_instance(m, ev->id);

	log_debug("kernel: %s: %s -> %s%s%s", ev->name,
		  kernel_state_name(ev->old_state),
		  kernel_state_name(ev->state), ev->reason[0] ? ": " : "",
		  ev->reason);
	if (!v || !can_lose_device(v))
		return;
	if (ev->state == VTPM_STATE_FAILED)
		device_failed(v, ev->reason);
	else if (ev->state == VTPM_STATE_GONE)
		device_gone(v);
}

static int sync_run(struct job *job, void *arg, struct error *err)
{
	struct sync *s = arg;

	(void)job;
	return kernel_dump(&s->list, &s->n, err);
}

static const struct kernel_instance *find_listed(const struct sync *s,
						 uint32_t id)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->list[i].id == id)
			return &s->list[i];
	}
	return NULL;
}

static void compare(struct sync *s, uint32_t id)
{
	const struct kernel_instance *k = find_listed(s, id);
	struct vtpm *v = find_instance(s->m, id);

	if (!v || !can_lose_device(v))
		return;
	if (v->busy) {
		s->m->sync_needed = true;
		return;
	}
	if (!k)
		device_gone(v);
	else if (k->state == VTPM_STATE_FAILED)
		device_failed(v, k->reason);
}

static void sync_done(void *arg, const struct error *err)
{
	struct sync *s = arg;
	bool lost_more = s->m->sync_needed;

	s->m->syncing = false;
	if (err) {
		log_warning("what the kernel has is not known: %s", err->text);
		s->m->sync_needed = true;
	}
	for (size_t i = 0; !err && i < s->n_ids; i++)
		compare(s, s->ids[i]);
	s->m->sync_pause = s->m->sync_needed && !lost_more;
	free(s->list);
	free(s);
}

static const struct job_ops sync_ops = {
	.name = "sync",
	.run = sync_run,
	.done = sync_done,
};

void kernel_sync(struct manager *m)
{
	struct error err = { 0 };
	struct sync *s;
	struct vtpm *v;
	size_t n = 0;

	m->sync_needed = true;
	if (m->syncing || m->stopping)
		return;
	TAILQ_FOREACH(v, &m->vtpms, link)
		n += v->in_kernel;
	s = calloc(1, sizeof(*s) + n * sizeof(s->ids[0]));
	if (!s)
		return;
	s->m = m;
	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (v->in_kernel)
			s->ids[s->n_ids++] = v->instance.id;
	}
	if (job_start(m->jobs, &sync_ops, s, &err) < 0) {
		log_info("what the kernel has is asked for later: %s",
			 err.text);
		free(s);
		return;
	}
	m->syncing = true;
	m->sync_needed = false;
}

void kernel_sync_continue(struct manager *m)
{
	/* Not after a list that did not tell all, but after the next job. */
	if (m->sync_needed && !m->sync_pause)
		kernel_sync(m);
	m->sync_pause = false;
}

int kernel_sync_on_event(sd_event_source *source, int fd, uint32_t revents,
			 void *arg)
{
	struct manager *m = arg;
	int r = kernel_read_events(fd, on_transition, m);

	(void)source;
	(void)revents;
	if (r == -ENOBUFS) {
		log_notice("events of the module were lost; asking it for all "
			   "that there is");
		kernel_sync(m);
	} else if (r < 0) {
		log_warning("events of the module: %s", strerror(-r));
	}
	return 0;
}
