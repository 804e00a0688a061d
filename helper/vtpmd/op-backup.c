// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Backups: copies of state files. The file goes as a descriptor with the call,
 * so that it may be anywhere, and is the client's to make and to sync.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/locked.h"
#include "vtpmd/new-file.h"
#include "vtpmd/operation.h"
#include "vtpmd/state-copy.h"

static int storage_error(struct error *err, int errnum, const char *what)
{
	return error_set(err, errnum,
			 errnum == -ENOSPC ? VTPM_ERR_NO_SPACE
					   : VTPM_ERR_STORAGE,
			 "%s: %s", what, strerror(-errnum));
}

static int backup_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	_cleanup_close_ int fd = -1, copy = -1;
	char path[PATH_MAX];
	int r = registry_open(op->cfg, op->name, O_RDONLY, &fd, err);

	(void)job;
	if (!r)
		r = operation_check_file(op, "a backup", err);
	if (r < 0)
		return r;
	operation_path(op, path);
	r = state_copy_live(fd, path, &copy, &op->info, err);
	if (r < 0)
		return r;
	r = state_copy_write(copy, op->file_fd);
	return r < 0 ? storage_error(err, r, "cannot write the backup") : 0;
}

static json_t *describe(const struct operation *op)
{
	char uuid[UUID_TEXT_LEN];
	json_t *wraps = json_array();

	for (uint32_t i = 0; i < op->info.n_wraps; i++)
		json_array_append_new(
			wraps, json_pack("{s:s, s:s}", "provider",
					 op->info.wrap[i].provider, "keyId",
					 op->info.wrap[i].key_id));
	uuid_format(op->info.uuid, uuid);
	return json_pack("{s:s, s:s, s:I, s:I, s:o}", "name", op->info.name,
			 "uuid", uuid, "generation",
			 (json_int_t)op->info.generation, "created",
			 (json_int_t)op->info.created, "wraps", wraps);
}

static void backup_done(void *arg, const struct error *err)
{
	struct operation *op = arg;

	if (err)
		call_error(op->call, err);
	else
		call_reply(op->call,
			   json_pack("{s:o}", "backup", describe(op)));
	free(op);
}

static const struct job_ops backup_ops = {
	.name = "backup",
	.run = backup_run,
	.done = backup_done,
	.read_only = true,
};

int vtpm_backup(struct vtpm *v, struct call *call, struct error *err)
{
	const struct operation op = { .engine = ENGINE_NONE,
				      .file_fd = call_fd(call, 0) };
	unsigned int busy = v->busy;
	int r;

	if (op.file_fd < 0)
		return operation_no_file(err);
	/* It changes nothing, so it neither waits for others nor they for it.
	 */
	r = operation_start(v, &backup_ops, &op, call, err);
	v->busy = busy;
	return r;
}

/* The client's file in memory, with what stands in its header. */
static int load_backup(struct operation *op, int *copy, struct error *err)
{
	int r = operation_check_file(op, "a backup", err);

	if (r < 0)
		return r;
	r = state_copy_to_memory(op->file_fd, copy);
	if (r < 0)
		return storage_error(err, r, "cannot read the backup");
	return nvram_read_header(*copy, "the backup", &op->info, err);
}

static int verify_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	_cleanup_close_ int copy = -1;
	int r = load_backup(op, &copy, err);

	return r < 0 ? r : operation_try_file(op, job, copy, err);
}

static void verify_done(void *arg, const struct error *err)
{
	vtpm_free(((struct operation *)arg)->v);
	backup_done(arg, err);
}

static const struct job_ops verify_ops = {
	.name = "verify backup",
	.run = verify_run,
	.done = verify_done,
	.progress = operation_progress,
};

int backup_verify(struct manager *m, struct call *call, struct error *err)
{
	const struct operation op = { .engine = ENGINE_NONE,
				      .file_fd = call_fd(call, 0) };
	char name[NAME_MAX_LEN + 1], uuid[UUID_TEXT_LEN];
	uint8_t id[UUID_LEN];
	struct vtpm *v;
	int r;

	if (op.file_fd < 0)
		return operation_no_file(err);
	/* Its engine is to have a name that no other has. */
	uuid_new(id);
	uuid_format(id, uuid);
	snprintf(name, sizeof(name), "verify-%s", uuid);
	r = manager_reserve_name(m, name, &v, err);
	if (r < 0)
		return r;
	r = operation_start(v, &verify_ops, &op, call, err);
	if (r < 0)
		vtpm_free(v);
	return r;
}

/* May the backup take the place of the file that is there? */
static int check_present(struct operation *op, int *fd, struct error *err)
{
	struct nvram_info backup = op->info, present;
	int r = operation_open_header(op, fd, err);

	/* One that cannot be read any more is what backups are for. */
	if (r < 0 && (*fd < 0 || strcmp(err->code, VTPM_ERR_CORRUPT)))
		return r;
	present = op->info;
	op->info = backup;
	if (r < 0)
		return operation_check_rollback(op, op->settings.generation,
						err);
	if (memcmp(present.uuid, backup.uuid, UUID_LEN))
		return error_set(err, -EEXIST, VTPM_ERR_EXISTS,
				 "vTPM %s is another one than that of the "
				 "backup; restore it under another name with: "
				 "--name NAME",
				 op->name);
	return operation_check_rollback(op,
					present.generation >
							op->settings.generation
						? present.generation
						: op->settings.generation,
					err);
}

/* Without the key it is as good as with it, and locked. */
static int try_backup(struct operation *op, struct job *job, int copy,
		      struct error *err)
{
	int r = operation_try_file(op, job, copy, err);

	if (r < 0 && vtpm_state_after(err) == VTPM_LOCKED) {
		log_notice("vTPM %s: the backup could not be verified: %s",
			   op->name, err->text);
		op->unverified = true;
		*err = (struct error){ 0 };
		return 0;
	}
	return r;
}

static int write_file(struct operation *op, int copy, struct error *err)
{
	_cleanup_close_ int fd = -1;
	int r = new_file_copy(op, copy, &fd, err);

	if (!r)
		r = op->replace ? new_file_replace(op, err)
				: new_file_publish(op, err);
	/* Without a descriptor there is none of ours. */
	if (r < 0 && fd >= 0)
		new_file_discard(op);
	return r;
}

static int restore_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	_cleanup_close_ int copy = -1, present = -1;
	int r = load_backup(op, &copy, err);

	if (!r && op->replace)
		r = check_present(op, &present, err);
	if (!r)
		r = try_backup(op, job, copy, err);
	if (!r)
		r = write_file(op, copy, err);
	if (r < 0)
		return r;
	/* Of the state of before; the next start asks the TPM. */
	if (op->replace)
		registry_remove_facts(op->cfg, op->name, op->ephemeral);
	operation_note_generation(op, op->info.generation);
	return 0;
}

static void restore_done(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct vtpm *v = op->v;
	json_t *json;

	v->busy--;
	if (err) {
		log_warning("%s: %s: %s", op->name, err->code, err->text);
		call_error(op->call, err);
		if (v->new)
			vtpm_free(v);
		free(op);
		return;
	}
	locked_forget(v);
	v->new = false;
	v->state = VTPM_STOPPED;
	v->reason[0] = '\0';
	vtpm_load(v);
	monitor_event(v->m, "restored", v->name, NULL, NULL, NULL);
	json = vtpm_to_json(v);
	call_reply(op->call, json_pack("{s:o, s:b}", "vtpm", json, "verified",
				       !op->unverified));
	free(op);
}

static const struct job_ops restore_ops = {
	.name = "restore",
	.run = restore_run,
	.done = restore_done,
	.progress = operation_progress,
};

int backup_restore(struct manager *m, const char *name, bool allow_rollback,
		   struct call *call, struct error *err)
{
	struct operation op = { .engine = ENGINE_NONE,
				.settings = SETTINGS_DEFAULT,
				.allow_rollback = allow_rollback,
				.file_fd = call_fd(call, 0) };
	struct error found = { 0 };
	struct vtpm *v = manager_find(m, name, &found);
	int r = 0;

	if (op.file_fd < 0)
		return operation_no_file(err);
	if (v) {
		/* As if the one that is there were deleted. */
		r = vtpm_check(v, OP_DELETE, err);
		op.settings = v->settings;
		op.ephemeral = v->ephemeral;
		op.replace = true;
	} else {
		r = manager_reserve_name(m, name, &v, err);
	}
	if (r < 0)
		return r;
	r = operation_start(v, &restore_ops, &op, call, err);
	if (r < 0 && !op.replace)
		vtpm_free(v);
	return r;
}
