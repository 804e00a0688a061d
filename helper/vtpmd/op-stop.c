// SPDX-License-Identifier: GPL-2.0-or-later
/* Stop of a vTPM, and what is done where one stopped by itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/log.h"
#include "vtpmd/autostart.h"
#include "vtpmd/checkpoint.h"
#include "vtpmd/locked.h"
#include "vtpmd/operation.h"

static int stop_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	struct error second = { 0 };
	int r = 0, r2 = 0;

	if (op->in_kernel) {
		job_progress(job, "removing the TPM device");
		r = kernel_destroy(op->instance.id, err);
		op->in_kernel = r < 0;
	}
	/*
	 * Also when the device is stuck: what was answered is on disk, and the
	 * engine's end is what a stuck device waits for.
	 */
	if (op->engine.process.pidfd >= 0) {
		job_progress(job, "stopping the engine");
		r2 = engine_stop(op->cfg, op->name, &op->engine, &second);
	}
	/* Not while a device is there: it is that one's. */
	if (!op->in_kernel)
		checkpoint_remove(op->cfg, op->name);
	op->have_info =
		!registry_read_header(op->cfg, op->name, &op->info, NULL);
	/* A state that is older than this one at the next start is no other. */
	if (op->have_info && op->info.generation > op->settings.generation)
		operation_note_generation(op, op->info.generation);
	if (!r && r2 < 0)
		*err = second;
	return r < 0 ? r : r2;
}

static void stop_done(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct vtpm *v = op->v;

	v->busy--;
	v->in_kernel = op->in_kernel;
	if (!v->in_kernel)
		v->instance = (struct kernel_instance){ 0 };
	operation_take_key(op);
	v->settings = op->settings;
	if (op->have_info)
		vtpm_take_info(v, &op->info);
	vtpm_set_state(v, v->in_kernel ? VTPM_FAILED : VTPM_STOPPED,
		       err ? err->text : NULL);
	operation_end(op, err);
}

static const struct job_ops stop_ops = {
	.name = "stop",
	.run = stop_run,
	.done = stop_done,
	.progress = operation_progress,
};

/* It only waits for its turn: there is nothing to stop but that. */
static void leave_queue(struct vtpm *v, struct call *call)
{
	ask_ahead_forget(v);
	log_info("vTPM %s: is not to be started any more", v->name);
	monitor_event(v->m, "state", v->name, vtpm_state_name(VTPM_STARTING),
		      vtpm_state_name(v->state), NULL);
	if (call)
		call_reply(call, json_pack("{s:o}", "vtpm", vtpm_to_json(v)));
	autostart_continue(v->m);
}

int vtpm_stop(struct vtpm *v, struct call *call, struct error *err)
{
	struct operation op = { .engine = v->engine,
				.settings = v->settings,
				.in_kernel = v->in_kernel,
				.instance = v->instance };
	int r = vtpm_check(v, OP_STOP, err);

	if (!r && vtpm_is_queued(v)) {
		leave_queue(v, call);
		return 0;
	}
	if (!r)
		r = operation_start(v, &stop_ops, &op, call, err);
	if (r < 0)
		return r;
	locked_forget(v);
	ask_ahead_forget(v);
	v->want_resume = false;
	v->want_reset = false;
	/* From here on its end is expected, and the job's to take care of. */
	vtpm_detach(v);
	vtpm_set_state(v, VTPM_STOPPING, NULL);
	return 0;
}

static int fail_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;

	(void)job;
	return kernel_fail(op->instance.id, op->reason, err);
}

static void fail_done(void *arg, const struct error *err)
{
	struct operation *op = arg;

	op->v->busy--;
	operation_end(op, err);
}

static const struct job_ops fail_ops = {
	.name = "fail",
	.run = fail_run,
	.done = fail_done,
};

void vtpm_fail(struct vtpm *v, const char *reason)
{
	struct operation op = { .engine = ENGINE_NONE,
				.instance = v->instance };
	struct error err = { 0 };

	vtpm_set_state(v, VTPM_FAILED, reason);
	if (!v->in_kernel)
		return;
	snprintf(op.reason, sizeof(op.reason), "%s", reason);
	/* Without it the kernel fails the device itself when its grace ends. */
	if (operation_start(v, &fail_ops, &op, NULL, &err) < 0)
		log_warning("%s: %s", v->name, err.text);
}

static int show_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	struct engine_status status;
	int sock, r;

	(void)job;
	if (!op->start) {
		r = registry_read_header(op->cfg, op->name, &op->info, err);
		op->have_info = !r;
		/* A damaged file is a state to be shown, not an error. */
		return r == -ENOENT ? r : 0;
	}
	sock = engine_connect(op->cfg, op->name);
	r = sock < 0 ? sock : engine_get_status(sock, 2000, &status);
	/* A command that takes long is no reason to show nothing. */
	if (!r && status.condition == ENGINE_RUNNING)
		op->have_lockout = !lockout_read(sock, 500, &op->lockout);
	if (sock >= 0)
		close(sock);
	if (r < 0) {
		snprintf(op->reason, sizeof(op->reason),
			 "the engine does not answer: %s", strerror(-r));
		return 0;
	}
	op->have_info = true;
	op->info.generation = status.generation;
	op->info.library_version = status.libtpms;
	if (status.condition == ENGINE_WAITING_FOR_STORAGE)
		snprintf(op->reason, sizeof(op->reason),
			 "commands wait for storage: %s",
			 strerror(-status.storage_errnum));
	return 0;
}

static void show_done(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct error local = { 0 };
	struct vtpm *v = manager_find(op->m, op->name, &local);
	json_t *json;

	if (err || !v) {
		call_error(op->call, err ? err : &local);
		free(op);
		return;
	}
	if (op->have_info && !op->start && !v->busy) {
		vtpm_take_info(v, &op->info);
	} else if (op->have_info) {
		v->info.generation = op->info.generation;
		v->info.library_version = op->info.library_version;
	}
	json = vtpm_to_json(v);
	if (op->reason[0] && v->state == VTPM_RUNNING)
		json_object_set_new(json, "reason", json_text(op->reason));
	if (op->have_lockout && v->state == VTPM_RUNNING)
		json_object_set_new(json, "lockout",
				    lockout_to_json(&op->lockout));
	call_reply(op->call, json_pack("{s:o}", "vtpm", json));
	free(op);
}

static const struct job_ops show_ops = {
	.name = "show",
	.run = show_run,
	.done = show_done,
	.read_only = true,
};

int vtpm_show(struct vtpm *v, struct call *call, struct error *err)
{
	const struct operation op = { .engine = ENGINE_NONE,
				      .start = v->state == VTPM_RUNNING };
	unsigned int busy = v->busy;
	int r;

	/* It changes nothing, so it neither waits for others nor they for it.
	 */
	r = operation_start(v, &show_ops, &op, call, err);
	v->busy = busy;
	return r;
}
