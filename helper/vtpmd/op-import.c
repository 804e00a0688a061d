// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A certificate that somebody else's CA has made. The TPM itself says which
 * key is its own; whether the certificate fits is vtpm-ca's to find out. The
 * TPM is powered on for that without a device: what its owner has set since
 * then, but for the platform's authorisation, is as it was afterwards.
 */
#include <errno.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/json.h"
#include "vtpmd/ca-program.h"
#include "vtpmd/checkpoint.h"
#include "vtpmd/data-key.h"
#include "vtpmd/identity.h"
#include "vtpmd/new-file.h"
#include "vtpmd/operation.h"

static int power_on(struct operation *op, int fd, struct error *err)
{
	struct engine_args args = { .name = op->name,
				    .nvram_fd = fd,
				    .family = ENGINE_NO_FAMILY };
	struct engine_status status;
	int r = data_key_unwrap(op->cfg, op->name, &op->info, &op->key, err);

	args.key = op->key;
	return r < 0 ? r
		     : engine_start(op->cfg, &args, &op->engine, &status, err);
}

static int only_type(const struct operation *op)
{
	for (int i = 0; i < EK_TYPES; i++) {
		if (op->ek_types == EK_BIT(i))
			return i;
	}
	return -1;
}

/*
 * What the TPM says of its key, with the certificates of before: of the others,
 * and of this one if it is still the same key.
 */
static int refresh(struct operation *op, int type, struct error *err)
{
	_cleanup_(json) json_t *now = NULL;
	json_t *old = op->facts ? facts_key(op->facts, type) : NULL, *key;
	int r = identity_read(op->cfg, op->name, op->ek_types, &now, err);

	if (r < 0)
		return r;
	key = facts_key(now, type);
	if (!op->facts) {
		op->facts = TAKE_PTR(now);
		return 0;
	}
	json_object_set(op->facts, "tpm", json_object_get(now, "tpm"));
	if (old)
		return json_object_update(old, key) ? -ENOMEM : 0;
	return json_array_append(json_object_get(op->facts, "keys"), key)
		       ? error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
				   "identity/%s.json is not usable; remove it",
				   op->name)
		       : 0;
}

static int take_certificate(struct operation *op, struct job *job,
			    struct error *err)
{
	_cleanup_(json) json_t *reply = NULL;
	int type = only_type(op), r;

	job_progress(job, "asking the TPM for its key");
	r = refresh(op, type, err);
	if (r < 0)
		return r;
	job_progress(job, "checking the certificate");
	r = ca_program_for_key(op->cfg, "check", type, op->facts,
			       json_incref(op->import), &reply, err);
	if (!r &&
	    facts_add_certificate(op->facts, reply,
				  json_object_get(reply, "chain"), "import"))
		r = error_set(err, -EPROTO, VTPM_ERR_IDENTITY,
			      "vtpm-ca has checked another certificate");
	if (r < 0)
		return r;
	job_progress(job, "writing the certificate");
	return identity_write(op->cfg, op->name, op->ek_types, op->facts, err);
}

/* On a copy of the file, which becomes the file when all is in it. */
static int change_copy(struct operation *op, struct job *job, int fd,
		       struct error *err)
{
	_cleanup_close_ int copy = -1, new = -1;
	struct error ignored = { 0 };
	int r = operation_copy(op, fd, &copy, err);

	if (!r)
		r = new_file_copy(op, copy, &new, err);
	if (!r) {
		job_progress(job, "loading the TPM's state");
		r = power_on(op, new, err);
	}
	if (!r) {
		r = take_certificate(op, job, err);
		if (r < 0)
			engine_stop(op->cfg, op->name, &op->engine, &ignored);
		else
			r = engine_stop(op->cfg, op->name, &op->engine, err);
		checkpoint_remove(op->cfg, op->name);
	}
	if (!r)
		r = new_file_replace(op, err);
	if (r < 0 && new >= 0)
		new_file_discard(op);
	return r;
}

static int import_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	_cleanup_close_ int fd = -1;
	int r = operation_open_header(op, &fd, err);

	if (!r)
		r = operation_check_rollback(op, op->settings.generation, err);
	if (r < 0)
		return r;
	op->facts = registry_load_facts(op->cfg, op->name, op->info.uuid);
	r = change_copy(op, job, fd, err);
	if (r < 0)
		return r;
	if (!registry_read_header(op->cfg, op->name, &op->info, NULL))
		operation_note_generation(op, op->info.generation);
	return registry_save_facts(op->cfg, op->name, op->ephemeral,
				   op->info.uuid, op->facts, err);
}

static void import_done(void *arg, const struct error *err)
{
	struct operation *op = arg;

	op->v->busy--;
	op->v->settings = op->settings;
	operation_take_info(op);
	if (!err)
		operation_take_facts(op);
	operation_end(op, err);
}

static const struct job_ops import_ops = {
	.name = "ek import",
	.run = import_run,
	.done = import_done,
	.progress = operation_progress,
};

int vtpm_import(struct vtpm *v, const struct import_options *o,
		struct call *call, struct error *err)
{
	struct operation op = { .engine = ENGINE_NONE,
				.ephemeral = v->ephemeral,
				.settings = v->settings,
				.ek_types = EK_BIT(o->type),
				.import = o->arguments };
	int r = vtpm_check(v, OP_IMPORT, err);

	if (!r)
		r = vtpm_load_header(v, err);
	operation_pin(&op, v);
	if (!r)
		r = vtpm_check_copies(v, true, err);
	if (!r)
		r = operation_start(v, &import_ops, &op, call, err);
	if (r < 0)
		json_decref(o->arguments);
	return r;
}
