// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/checkpoint.h"
#include "vtpmd/data-key.h"
#include "vtpmd/locked.h"
#include "vtpmd/operation.h"
#include "vtpmd/resume.h"

/* The provider may be back soon; the kernel does not wait for ever. */
#define RETRY_US 1000000ULL
/*
 * An engine that crashes soon after it began does so on the command that it was
 * given, and so will the next. A SIGKILL comes from outside.
 */
#define SOON_US 10000000ULL
#define MAX_CRASHES 3

/* With the key that the manager has kept, or the one that the provider gives. */
static int start_engine(struct operation *op, int fd, struct error *err)
{
	struct engine_args args = { .name = op->name,
				    .nvram_fd = fd,
				    .resume = !op->reset };
	bool cached = op->key;
	struct engine_status status;
	int r = kernel_family(&args.family, err);

	if (!r && !cached)
		r = data_key_unwrap(op->cfg, op->name, &op->info, &op->key,
				    err);
	if (r < 0)
		return r;
	args.key = op->key;
	r = engine_start(op->cfg, &args, &op->engine, &status, err);
	if (!r || !cached || strcmp(err->code, VTPM_ERR_KEY_WRONG))
		return r;
	/* A rekey that was cut off: it is another one by now. */
	secret_free(op->key);
	op->key = NULL;
	return start_engine(op, fd, err);
}

/* In order if the engine can still do it; what was running is given up. */
static void power_off(struct operation *op)
{
	struct error ignored = { 0 };

	if (op->engine.process.pidfd >= 0)
		engine_stop(op->cfg, op->name, &op->engine, &ignored);
	checkpoint_remove(op->cfg, op->name);
}

static int resume_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	_cleanup_close_ int fd = -1;
	int r;

	if (op->reset)
		power_off(op);
	/* Of an upgrade: the one of before, whatever it is doing. */
	engine_discard(op->cfg, op->name, &op->engine);
	r = operation_open_header(op, &fd, err);
	if (r < 0)
		return r;
	job_progress(job, "starting another engine");
	r = start_engine(op, fd, err);
	if (r < 0)
		return r;
	r = kernel_attach(op->instance.id, op->engine.port, op->reset, err);
	engine_introduced(&op->engine);
	if (r < 0)
		engine_discard(op->cfg, op->name, &op->engine);
	return r;
}

static int on_time(sd_event_source *source, uint64_t usec, void *arg)
{
	struct vtpm *v = arg;

	(void)source;
	(void)usec;
	v->retry_source = sd_event_source_disable_unref(v->retry_source);
	v->want_resume = v->state == VTPM_RESUMING;
	resume_some(v->m);
	return 0;
}

static void fail(struct vtpm *v, const char *why)
{
	char reason[400];

	snprintf(reason, sizeof(reason),
		 "%.200s; the running state is lost: to begin anew with PCRs "
		 "at zero: vtpmctl reset %s",
		 why, v->name);
	vtpm_fail(v, reason);
}

static void resume_done(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct vtpm *v = op->v;

	v->busy--;
	operation_take_info(op);
	operation_take_key(op);
	if (!err) {
		v->want_reset = false;
		v->want_resume = false;
		vtpm_set_state(v, VTPM_RUNNING, NULL);
		vtpm_attach(v, &op->engine);
	} else if (v->state != VTPM_RESUMING) {
		/* The kernel's patience has come to its end meanwhile. */
	} else if (err->errnum == -EINTR) {
		/* This one was killed as well. */
		v->want_resume = true;
	} else if ((vtpm_state_after(err) == VTPM_LOCKED ||
		    /* One that is just ending has the file a moment more. */
		    !strcmp(err->code, VTPM_ERR_IN_USE)) &&
		   !sd_event_add_time_relative(v->m->event, &v->retry_source,
					       CLOCK_MONOTONIC, RETRY_US, 0,
					       on_time, v)) {
		vtpm_set_state(v, VTPM_RESUMING, err->text);
	} else {
		fail(v, err->text);
	}
	operation_end(op, err);
}

static const struct job_ops resume_ops = {
	.name = "resume",
	.run = resume_run,
	.done = resume_done,
	.progress = operation_progress,
};

/* Takes @old over if it returns 0. */
static int start_resume(struct vtpm *v, const struct engine *old, bool reset,
			struct call *call, struct error *err)
{
	struct operation op = { .engine = *old,
				.reset = reset,
				.instance = v->instance,
				.in_kernel = true,
				.key = v->key };
	int r;

	if (v->have_info)
		operation_pin(&op, v);
	r = operation_start(v, &resume_ops, &op, call, err);

	if (!r)
		v->key = NULL;
	return r;
}

void resume_some(struct manager *m)
{
	const struct engine none = ENGINE_NONE;
	struct error err = { 0 };
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (!v->want_resume || v->busy || m->stopping)
			continue;
		/* Something else has come of it meanwhile. */
		if (v->state != VTPM_RESUMING) {
			v->want_resume = false;
			continue;
		}
		v->want_resume = false;
		if (start_resume(v, &none, v->want_reset, NULL, &err) < 0)
			fail(v, err.text);
	}
}

void resume_after_death(struct vtpm *v, int status)
{
	char how[64], reason[96];
	uint64_t now = 0;

	sd_event_now(v->m->event, CLOCK_MONOTONIC, &now);
	engine_end_text(status, how, sizeof(how));
	snprintf(reason, sizeof(reason), "the engine is gone: %s", how);
	if (!v->attached_us || now - v->attached_us > SOON_US)
		v->crashes = 0;
	if (status >= 0 && status != 128 + SIGKILL)
		v->crashes++;
	if (!v->in_kernel || v->crashes >= MAX_CRASHES) {
		fail(v, reason);
		return;
	}
	vtpm_set_state(v, VTPM_RESUMING, reason);
	v->want_resume = true;
	resume_some(v->m);
}

int vtpm_upgrade(struct vtpm *v, struct call *call, struct error *err)
{
	struct engine old = v->engine;
	int r = vtpm_check(v, OP_UPGRADE, err);

	if (!r)
		r = start_resume(v, &old, false, call, err);
	if (r < 0)
		return r;
	/* From here on its end is the job's to take care of. */
	vtpm_detach(v);
	vtpm_set_state(v, VTPM_RESUMING, "another engine takes its place");
	return 0;
}

int vtpm_reset(struct vtpm *v, struct call *call, struct error *err)
{
	struct engine old = v->engine;
	int r = vtpm_check(v, OP_RESET, err);

	if (!r && !v->in_kernel)
		r = error_set(err, -EINVAL, VTPM_ERR_STATE,
			      "vTPM %s has no device any more; stop it and "
			      "start it again",
			      v->name);
	if (!r)
		r = start_resume(v, &old, true, call, err);
	if (r < 0)
		return r;
	log_notice("vTPM %s: reset by uid %u", v->name, call_uid(call));
	monitor_event(v->m, "reset", v->name, NULL, NULL, NULL);
	/* From here on its end is the job's to take care of. */
	vtpm_detach(v);
	locked_forget(v);
	v->crashes = 0;
	v->want_resume = false;
	v->want_reset = true;
	vtpm_set_state(v, VTPM_RESUMING, "a power cycle that was asked for");
	return 0;
}

int resume_upgrade_all(struct manager *m)
{
	struct error err = { 0 };
	struct vtpm *v;
	int n = 0;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (vtpm_check(v, OP_UPGRADE, NULL) < 0)
			continue;
		if (vtpm_upgrade(v, NULL, &err) < 0)
			log_warning("vTPM %s: %s", v->name, err.text);
		else
			n++;
	}
	return n;
}
