// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/ca-state.h"
#include "vtpmd/create.h"
#include "vtpmd/data-key.h"
#include "vtpmd/identity.h"
#include "vtpmd/new-file.h"
#include "vtpmd/pool.h"

/* No name of a vTPM begins with a dot. */
#define PREFIX ".pool-"
/* After a job, so that several creates do not wait for what is made in between. */
#define IDLE_US 1000000ULL
/* After one that could not be made; less when keys have changed. */
#define PAUSE_US (60 * 1000000ULL)

bool pool_is_name(const char *name)
{
	return !strncmp(name, PREFIX, strlen(PREFIX));
}

DEFINE_CLEANUP(dir, DIR *, closedir)

void pool_remove(const struct config *cfg, const char *name)
{
	char file[FILE_NAME_LEN];
	struct error err = { 0 };
	_cleanup_close_ int fd = -1;

	registry_file(name, NULL, file);
	fd = openat(cfg->state_fd, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (registry_shred(registry_folder(cfg, false), fd, file, &err) < 0)
		log_warning("%s", err.text);
	registry_remove_notes(cfg, name, false);
}

void pool_clean(const struct config *cfg)
{
	int fd = openat(cfg->state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char name[NAME_MAX_LEN + 1];
	struct error err = { 0 };
	struct dirent *de;

	while (d && (de = readdir(d))) {
		/* ".pool-1234.nvram"; one in the making has a dot more. */
		const char *base = de->d_name + !strncmp(de->d_name, "..", 2);
		_cleanup_close_ int file = -1;

		if (!pool_is_name(base))
			continue;
		snprintf(name, sizeof(name), ".%.*s",
			 (int)strcspn(base + 1, "."), base + 1);
		file = openat(cfg->state_fd, de->d_name,
			      O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		/* Another manager may share the directory and be at work on it. */
		if (file >= 0 && registry_lock(file, de->d_name, NULL) < 0)
			continue;
		if (registry_shred(registry_folder(cfg, false), file,
				   de->d_name, &err) < 0)
			log_warning("%s", err.text);
		registry_remove_notes(cfg, name, false);
	}
}

static int on_time(sd_event_source *source, uint64_t usec, void *arg)
{
	struct manager *m = arg;

	(void)source;
	(void)usec;
	m->pool_pause = sd_event_source_disable_unref(m->pool_pause);
	m->pool_failed = false;
	pool_fill(m);
	return 0;
}

static void fill_after(struct manager *m, uint64_t usec)
{
	m->pool_pause = sd_event_source_disable_unref(m->pool_pause);
	if (m->config.pool_size)
		sd_event_add_time_relative(m->event, &m->pool_pause,
					   CLOCK_MONOTONIC, usec, 0, on_time,
					   m);
}

void pool_continue(struct manager *m)
{
	/* The last job was ours: on with the next. */
	if (m->pool_made)
		pool_fill(m);
	else if (!m->pool_failed && !m->stopping)
		fill_after(m, IDLE_US);
	m->pool_made = false;
}

static void made(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct manager *m = op->m;
	struct vtpm *v = op->v;

	/* Not if what it was by has changed meanwhile. */
	m->pool_failed = err && !v->stale;
	m->pool_made = !err;
	v->busy--;
	if (!err) {
		vtpm_take_info(v, &op->info);
		operation_take_facts(op);
	} else {
		vtpm_free(v);
		op->v = NULL;
	}
	if (m->pool_failed)
		fill_after(m, PAUSE_US);
	operation_end(op, err);
}

static const struct job_ops pool_ops = {
	.name = "pool",
	.run = create_run,
	.done = made,
};

static int make_one(struct manager *m, const struct provider *p,
		    struct error *err)
{
	struct operation op = { .engine = ENGINE_NONE,
				.settings = SETTINGS_DEFAULT,
				.certify = true,
				.ek_types = identity_default_types() };
	char name[NAME_MAX_LEN + 1];
	uint8_t number[8];
	struct vtpm *v;
	int r;

	random_bytes(number, sizeof(number));
	hex_format(number, sizeof(number),
		   name + snprintf(name, sizeof(name), PREFIX));
	snprintf(op.provider, sizeof(op.provider), "%s", p->name);
	snprintf(op.ca_provider, sizeof(op.ca_provider), "%s", p->name);
	v = vtpm_new(m, name);
	if (!v)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	v->new = v->blank = true;
	r = operation_start(v, &pool_ops, &op, NULL, err);
	if (r < 0)
		vtpm_free(v);
	return r;
}

static int drop_run(struct job *job, void *arg, struct error *err)
{
	const struct operation *op = arg;

	(void)job;
	(void)err;
	pool_remove(op->cfg, op->name);
	return 0;
}

static void dropped(void *arg, const struct error *err)
{
	struct operation *op = arg;

	op->v->busy--;
	vtpm_free(op->v);
	op->v = NULL;
	operation_end(op, err);
}

static const struct job_ops drop_ops = {
	.name = "pool drop",
	.run = drop_run,
	.done = dropped,
};

/* Those that are not to be used; again if there was no room for a job. */
static void drop_stale(struct manager *m)
{
	const struct operation op = { .engine = ENGINE_NONE };
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (v->blank && v->stale && !v->busy &&
		    operation_start(v, &drop_ops, &op, NULL, NULL) < 0)
			return;
	}
}

void pool_fill(struct manager *m)
{
	const struct provider *p = manager_default_provider(m);
	struct error err = { 0 };
	const struct vtpm *v;
	unsigned int n = 0;

	if (m->stopping || job_pool_active(m->jobs))
		return;
	drop_stale(m);
	/* The CA is made by who says how, or by the first create. */
	if (!p || !ca_exists(&m->config))
		return;
	TAILQ_FOREACH(v, &m->vtpms, link)
		n += v->blank;
	if (n < m->config.pool_size && make_one(m, p, &err) < 0)
		log_warning("the pool is not filled: %s", err.text);
}

static bool fits(const struct vtpm *v, const struct operation *op)
{
	return v->blank && !v->busy && !v->stale && v->have_info &&
	       !strcmp(v->info.wrap[0].provider, op->provider);
}

void pool_take(struct manager *m, struct operation *op)
{
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (!fits(v, op))
			continue;
		snprintf(op->other, sizeof(op->other), "%s", v->name);
		op->blank = true;
		op->info = v->info;
		op->facts = TAKE_PTR(v->facts);
		vtpm_free(v);
		return;
	}
}

static int claim(struct operation *op, int *fd, struct error *err)
{
	struct folder folder = registry_folder(op->cfg, false);
	char from[FILE_NAME_LEN], to[FILE_NAME_LEN];
	int r;

	registry_file(op->other, NULL, from);
	registry_file(op->name, SUFFIX_NEW, to);
	r = registry_rename(folder, from, to, err);
	if (r < 0)
		return r;
	*fd = openat(folder.fd, to, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return error_set(err, -errno, VTPM_ERR_STORAGE, "%s/%s: %s",
				 folder.path, to, strerror(errno));
	registry_remove_notes(op->cfg, op->other, false);
	return registry_lock(*fd, op->name, err);
}

int pool_claim(struct operation *op, struct job *job, int *fd)
{
	struct error err = { 0 };
	int r;

	/* Of a key that has gone meanwhile nothing is to be made any more. */
	job_progress(job, "asking the key provider for a key");
	r = data_key_unwrap(op->cfg, op->name, &op->info, &op->key, &err);
	if (!r)
		r = claim(op, fd, &err);
	if (!r)
		return 0;
	log_warning("vTPM %s is not taken from the pool: %s", op->name,
		    err.text);
	/* The rename may have been done all the same. */
	if (r != -EEXIST)
		new_file_discard(op);
	if (*fd >= 0)
		close(TAKE_FD(*fd));
	pool_remove(op->cfg, op->other);
	secret_free(TAKE_PTR(op->key));
	json_decref(TAKE_PTR(op->facts));
	op->info = (struct nvram_info){ 0 };
	op->blank = false;
	return r;
}

void pool_drop(struct manager *m)
{
	struct vtpm *v;

	m->pool_failed = false;
	fill_after(m, IDLE_US);
	TAILQ_FOREACH(v, &m->vtpms, link)
		v->stale |= v->blank;
	drop_stale(m);
}
