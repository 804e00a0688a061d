// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/operation.h"
#include "vtpmd/state-copy.h"

int operation_start(struct vtpm *v, const struct job_ops *ops,
		    const struct operation *template, struct call *call,
		    struct error *err)
{
	struct operation *op = malloc(sizeof(*op));
	int r;

	if (!op)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	*op = *template;
	op->m = v->m;
	op->v = v;
	op->cfg = &v->m->config;
	op->call = call;
	snprintf(op->name, sizeof(op->name), "%s", v->name);
	r = job_start(v->m->jobs, ops, op, err);
	if (r < 0) {
		free(op);
		return r;
	}
	v->busy++;
	return 0;
}

void operation_end(struct operation *op, const struct error *err)
{
	if (err)
		log_warning("%s: %s: %s", op->name, err->code, err->text);
	if (op->call && err)
		call_error(op->call, err);
	else if (op->call && op->v)
		call_reply(op->call,
			   json_pack("{s:o}", "vtpm", vtpm_to_json(op->v)));
	else if (op->call)
		call_reply(op->call, NULL);
	ready_key_free(op->ready);
	secret_free(op->key);
	secret_free(op->from_secret);
	if (op->from)
		close(op->from_fd);
	json_decref(op->facts);
	json_decref(op->import);
	json_decref(op->pcr_banks);
	free(op);
}

void operation_take_info(struct operation *op)
{
	if (op->have_info)
		vtpm_take_info(op->v, &op->info);
}

void operation_take_key(struct operation *op)
{
	secret_free(op->v->key);
	op->v->key = TAKE_PTR(op->key);
}

void operation_take_facts(struct operation *op)
{
	json_decref(op->v->facts);
	op->v->facts = TAKE_PTR(op->facts);
}

void operation_progress(void *arg, const char *text)
{
	struct operation *op = arg;

	log_debug("%s: %s", op->name, text);
	if (op->call)
		call_continue(op->call,
			      json_pack("{s:o}", "progress", json_text(text)));
}

int operation_take_owner(struct operation *op, struct error *err)
{
	int r = 0;

	if (op->owner[0])
		r = settings_set_owner(&op->settings, op->owner, err);
	if (!r && op->mode[0])
		r = settings_set_mode(&op->settings, op->mode, err);
	return r;
}

int operation_open(struct operation *op, int *fd, struct error *err)
{
	int r = registry_open(op->cfg, op->name, O_RDWR, fd, err);

	return r < 0 ? r : registry_lock(*fd, op->name, err);
}

void operation_pin(struct operation *op, const struct vtpm *v)
{
	op->pinned = true;
	if (!v->have_info)
		return;
	memcpy(op->pin_uuid, v->info.uuid, UUID_LEN);
	memcpy(op->pin_origin, v->info.origin, UUID_LEN);
}

static bool is_pinned_one(const struct operation *op)
{
	return !op->pinned ||
	       (!memcmp(op->pin_uuid, op->info.uuid, UUID_LEN) &&
		!memcmp(op->pin_origin, op->info.origin, UUID_LEN));
}

int operation_open_header(struct operation *op, int *fd, struct error *err)
{
	char path[PATH_MAX];
	int r = operation_open(op, fd, err);

	if (r < 0)
		return r;
	operation_path(op, path);
	r = nvram_read_header(*fd, path, &op->info, err);
	op->have_info = !r;
	if (r < 0 || is_pinned_one(op))
		return r;
	return error_set(err, -EBUSY, VTPM_ERR_BUSY,
			 "the file of vTPM %s was replaced just now; try again",
			 op->name);
}

int operation_copy(const struct operation *op, int fd, int *copy,
		   struct error *err)
{
	int r = state_copy_to_memory(fd, copy);
	char path[PATH_MAX];

	if (!r)
		return 0;
	operation_path(op, path);
	return error_set(err, r, VTPM_ERR_STORAGE, "%s: %s", path,
			 strerror(-r));
}

int operation_check_file(const struct operation *op, const char *what,
			 struct error *err)
{
	struct stat st;

	if (!fstat(op->file_fd, &st) && S_ISREG(st.st_mode))
		return 0;
	return error_set(err, -EINVAL, VTPM_ERR_INVALID, "%s is a regular file",
			 what);
}

int operation_no_file(struct error *err)
{
	return error_set(err, -EBADF, VTPM_ERR_INVALID,
			 "a descriptor of the file has to come with the call");
}

void operation_path(const struct operation *op, char path[PATH_MAX])
{
	registry_path(op->cfg, op->name, path);
}

int operation_check_rollback(struct operation *op, uint64_t known,
			     struct error *err)
{
	if (op->info.generation >= known)
		return 0;
	if (!op->allow_rollback)
		return error_set(
			err, -ESTALE, VTPM_ERR_ROLLBACK,
			"the state is older (generation %llu) than what vTPM "
			"%s has had here (%llu): counters and lockout would go "
			"back; if that is meant, start or restore it with "
			"--allow-rollback",
			(unsigned long long)op->info.generation, op->name,
			(unsigned long long)known);
	log_notice("vTPM %s goes back from generation %llu to %llu, as was "
		   "allowed",
		   op->name, (unsigned long long)known,
		   (unsigned long long)op->info.generation);
	op->settings.generation = op->info.generation;
	return 0;
}

void operation_note_generation(struct operation *op, uint64_t generation)
{
	struct error err = { 0 };

	op->settings.generation = generation;
	if (registry_save_settings(op->cfg, op->name, &op->settings, &err) < 0)
		log_warning("vTPM %s: an older state put back will not be "
			    "noticed: %s",
			    op->name, err.text);
}
