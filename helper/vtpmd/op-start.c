// SPDX-License-Identifier: GPL-2.0-or-later
/* Start of a vTPM: Documentation/architecture.rst, "Start of a vTPM". */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/checkpoint.h"
#include "vtpmd/data-key.h"
#include "vtpmd/identity.h"
#include "vtpmd/locked.h"
#include "vtpmd/operation.h"

static int start_engine(struct operation *op, struct job *job,
			struct engine_args *args, struct engine_status *status,
			struct error *err)
{
	job_progress(job, "loading the TPM's state");
	args->key = op->key;
	return engine_start(op->cfg, args, &op->engine, status, err);
}

static int ask_provider(struct operation *op, struct job *job,
			struct error *err)
{
	job_progress(job, "asking the key provider for the key");
	return data_key_unwrap(op->cfg, op->name, &op->info, &op->key, err);
}

/* Without a doubt about the provider: what went wrong is found by asking it. */
static bool is_wrong_key(const struct error *err)
{
	return !strcmp(err->code, VTPM_ERR_KEY_WRONG);
}

/* The engine of a vTPM that has been made before. */
static int power_on(struct operation *op, struct job *job, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct engine_args args = { .name = op->name };
	struct engine_status status;
	struct error why = { 0 };
	bool ahead;
	int r = operation_open_header(op, &fd, err);

	if (!r)
		r = operation_check_rollback(op, op->settings.generation, err);
	if (r < 0)
		return r;
	op->key = ready_key_take(op->ready, &op->info);
	ahead = op->key;
	if (!ahead)
		r = ask_provider(op, job, err);
	/* In this order: a key that is missing is told without the module. */
	if (!r)
		r = kernel_family(&args.family, err);
	if (r < 0)
		return r;
	args.nvram_fd = fd;
	r = start_engine(op, job, &args, &status, &why);
	if (r < 0 && ahead && is_wrong_key(&why)) {
		log_warning(
			"vTPM %s: provider %s gave a wrong key for it among "
			"many; asked again",
			op->name, op->info.wrap[0].provider);
		secret_free(TAKE_PTR(op->key));
		r = ask_provider(op, job, &why);
		if (!r)
			r = start_engine(op, job, &args, &status, &why);
	}
	if (r < 0) {
		*err = why;
		return r;
	}
	op->info.generation = status.generation;
	op->info.library_version = status.libtpms;
	return 0;
}

/* Of a file that came from elsewhere nothing is known yet. */
static void find_facts(struct operation *op)
{
	struct error err = { 0 };
	int r = identity_find(op->cfg, op->name, &op->facts, &err);

	if (!r)
		r = registry_save_facts(op->cfg, op->name, op->ephemeral,
					op->info.uuid, op->facts, &err);
	if (r < 0)
		log_warning("vTPM %s: its endorsement keys are not known: %s",
			    op->name, err.text);
}

/* The file has it since its engine serves, whatever becomes of the device. */
static void note_generation(void *arg)
{
	struct operation *op = arg;

	operation_note_generation(op, op->info.generation);
}

static int start_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	struct error ignored = { 0 };
	int r = power_on(op, job, err);

	if (r < 0)
		return r;
	if (op->find_facts)
		find_facts(op);
	job_progress(job, "registering the TPM device");
	r = kernel_destroy_stale(op->name, op->info.uuid, err);
	if (!r)
		r = kernel_create(op->name, op->info.uuid, op->engine.port,
				  &op->settings, note_generation, op,
				  &op->instance, err);
	engine_introduced(&op->engine);
	if (r < 0) {
		engine_stop(op->cfg, op->name, &op->engine, &ignored);
		checkpoint_remove(op->cfg, op->name);
		/* Where only its answer came too late there is a device. */
		kernel_destroy_stale(op->name, op->info.uuid, NULL);
		return r;
	}
	op->in_kernel = true;
	return 0;
}

static void start_done(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct vtpm *v = op->v;

	v->busy--;
	operation_take_info(op);
	if (err) {
		/* If it is locked for now, its retries are allowed it, too. */
		if (op->allow_rollback && vtpm_state_after(err) == VTPM_LOCKED)
			v->settings.generation = op->settings.generation;
		vtpm_set_state(v, vtpm_state_after(err), err->text);
	} else {
		v->settings = op->settings;
		v->instance = op->instance;
		v->in_kernel = true;
		operation_take_key(op);
		if (op->facts)
			operation_take_facts(op);
		vtpm_set_state(v, VTPM_RUNNING, NULL);
		/* After that: an engine that is gone already makes it failed.
		 */
		vtpm_attach(v, &op->engine);
	}
	locked_after_start(v, err);
	operation_end(op, err);
}

static const struct job_ops start_ops = {
	.name = "start",
	.run = start_run,
	.done = start_done,
	.progress = operation_progress,
};

static bool same(const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a, b, UUID_LEN);
}

int vtpm_check_copies(const struct vtpm *v, bool allow_duplicate,
		      struct error *err)
{
	const struct vtpm *other;

	TAILQ_FOREACH(other, &v->m->vtpms, link) {
		if (other == v || !v->have_info || !other->have_info ||
		    !(other->busy || other->in_kernel))
			continue;
		if (same(v->info.uuid, other->info.uuid))
			return error_set(
				err, -EBUSY, VTPM_ERR_IN_USE,
				"the file of vTPM %s is a copy of that "
				"of %s, which is %s; stop that one "
				"first with: vtpmctl stop %s",
				v->name, other->name,
				vtpm_state_name(other->state), other->name);
		if (!allow_duplicate && same(nvram_identity(&v->info),
					     nvram_identity(&other->info)))
			return error_set(
				err, -EBUSY, VTPM_ERR_IN_USE,
				"vTPM %s has the identity of %s, which is %s: "
				"nobody could tell them apart; stop that one "
				"first, or if that is meant: vtpmctl start "
				"--allow-duplicate %s",
				v->name, other->name,
				vtpm_state_name(other->state), v->name);
	}
	return 0;
}

int vtpm_start(struct vtpm *v, const struct start_options *o, struct call *call,
	       struct error *err)
{
	struct operation op = { .engine = ENGINE_NONE,
				.allow_rollback = o && o->allow_rollback,
				.ephemeral = v->ephemeral,
				.settings = v->settings };
	int r = vtpm_check(v, OP_START, err);

	/* If it cannot be read the job says why. */
	if (!r && vtpm_load_header(v, NULL) < 0)
		v->have_info = false;
	op.find_facts = !v->facts;
	operation_pin(&op, v);
	if (!r)
		r = vtpm_check_copies(v, o && o->allow_duplicate, err);
	op.ready = v->ready_key;
	if (!r)
		r = operation_start(v, &start_ops, &op, call, err);
	/* Else it waits on, should it wait for a turn; the key is still its. */
	if (!r)
		ask_ahead_take(v);
	/* A retry that nobody asked for is seen if it goes well. */
	if (!r && (call || v->state != VTPM_LOCKED))
		vtpm_set_state(v, VTPM_STARTING, NULL);
	return r;
}
