// SPDX-License-Identifier: GPL-2.0-or-later
/* What the host wants of a vTPM, and what it calls it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/operation.h"

static int set_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	int r = operation_take_owner(op, err);

	(void)job;
	return r < 0 ? r
		     : registry_save_settings(op->cfg, op->name, &op->settings,
					      err);
}

static void set_done(void *arg, const struct error *err)
{
	struct operation *op = arg;

	op->v->busy--;
	if (!err) {
		op->v->settings = op->settings;
		monitor_event(op->m, "changed", op->name, NULL, NULL, NULL);
	}
	operation_end(op, err);
}

static const struct job_ops set_ops = {
	.name = "set",
	.run = set_run,
	.done = set_done,
};

int vtpm_set(struct vtpm *v, const struct set_options *o, struct call *call,
	     struct error *err)
{
	struct operation op = { .engine = ENGINE_NONE,
				.settings = v->settings };
	int r = vtpm_check(v, OP_SET, err);

	if (!r && o->notes)
		r = settings_set_notes(&op.settings, o->notes, err);
	if (r < 0)
		return r;
	if (o->autostart)
		op.settings.autostart = *o->autostart;
	/* One that is cut short here is none that could be found. */
	snprintf(op.owner, sizeof(op.owner), "%s", o->owner ? o->owner : "");
	snprintf(op.mode, sizeof(op.mode), "%s", o->mode ? o->mode : "");
	return operation_start(v, &set_ops, &op, call, err);
}

static int move_file(struct folder folder, const char *name, const char *other,
		     struct error *err)
{
	char from[FILE_NAME_LEN], to[FILE_NAME_LEN];

	registry_file(name, NULL, from);
	registry_file(other, NULL, to);
	return registry_rename(folder, from, to, err);
}

static int copy_facts(struct operation *op, struct error *err)
{
	_cleanup_(json) json_t *facts =
		registry_load_facts(op->cfg, op->name, op->info.uuid);

	return facts ? registry_save_facts(op->cfg, op->other, op->ephemeral,
					   op->info.uuid, facts, err)
		     : 0;
}

/*
 * The state file makes it a vTPM, so it goes last: cut by a power failure it
 * has one of its names, and what belongs to it. Where settings lie goes by
 * where the file is, which for one in memory must be there first.
 */
static int rename_files(struct operation *op, struct error *err)
{
	struct folder folder = registry_folder(op->cfg, op->ephemeral);
	int r = copy_facts(op, err);

	if (!r && op->ephemeral)
		r = move_file(folder, op->name, op->other, err);
	if (!r)
		r = registry_save_settings(op->cfg, op->other, &op->settings,
					   err);
	if (!r && !op->ephemeral)
		r = move_file(folder, op->name, op->other, err);
	/* It is not there under the new name, or not any more. */
	if (r < 0)
		move_file(folder, op->other, op->name, NULL);
	registry_remove_notes(op->cfg, r < 0 ? op->other : op->name,
			      op->ephemeral);
	return r;
}

static int rename_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	_cleanup_close_ int fd = -1;
	int r = operation_open_header(op, &fd, err);

	(void)job;
	return r < 0 ? r : rename_files(op, err);
}

static void rename_done(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct vtpm *v = op->v;

	v->busy--;
	/* The one that has kept the new name free. */
	vtpm_free(op->placeholder);
	if (!err) {
		log_notice("vTPM %s is called %s now", op->name, op->other);
		snprintf(v->name, sizeof(v->name), "%s", op->other);
		monitor_event(v->m, "renamed", v->name, op->name, op->other,
			      NULL);
	}
	operation_end(op, err);
}

static const struct job_ops rename_ops = {
	.name = "rename",
	.run = rename_run,
	.done = rename_done,
};

int vtpm_rename(struct vtpm *v, const char *name, struct call *call,
		struct error *err)
{
	struct operation op = { .engine = ENGINE_NONE,
				.ephemeral = v->ephemeral,
				.settings = v->settings };
	int r = vtpm_check(v, OP_RENAME, err);

	if (!r)
		r = manager_reserve_name(v->m, name, &op.placeholder, err);
	if (r < 0)
		return r;
	snprintf(op.other, sizeof(op.other), "%s", name);
	r = operation_start(v, &rename_ops, &op, call, err);
	if (r < 0)
		vtpm_free(op.placeholder);
	return r;
}
