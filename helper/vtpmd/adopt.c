// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Taking over what an earlier manager left running. A vTPM runs if its engine
 * answers and the kernel has its instance. An instance that waits for an engine
 * gets another, from the checkpoint. One that has failed stays so, since PCRs
 * go to zero only when someone asked for that. An engine without instance
 * serves nobody.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vtpm.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "vtpmd/engine.h"
#include "vtpmd/manager.h"
#include "vtpmd/pool.h"
#include "vtpmd/resume.h"

DEFINE_CLEANUP(dir, DIR *, closedir)

/* A file that cannot be read now is not a reason to end the TPM that runs. */
static bool is_of(const struct kernel_instance *k, const struct vtpm *v)
{
	return !strcmp(k->name, v->name) &&
	       (!v->have_info || !memcmp(k->uuid, v->info.uuid, UUID_LEN));
}

static struct kernel_instance *find(struct kernel_instance *list, size_t n,
				    const struct vtpm *v)
{
	for (size_t i = 0; i < n; i++) {
		if (is_of(&list[i], v))
			return &list[i];
	}
	return NULL;
}

static void stop_engine(struct manager *m, const char *name, struct engine *e)
{
	struct error err = { 0 };

	log_notice("engine of %s serves no device; stopped", name);
	if (engine_stop(&m->config, name, e, &err) < 0)
		log_warning("%s", err.text);
}

/*
 * An engine answers this from a thread of its own, whatever its TPM does. Clients
 * of vtpmd wait meanwhile, for all engines together.
 */
#define ANSWER_MS 5000
#define ALL_ANSWER_MS 10000
#define LEAST_MS 2000

/* What one may take, where all have until @end, of clock_ms(). */
static int answer_time(int64_t end)
{
	int64_t left = end - clock_ms();

	return left < LEAST_MS ? LEAST_MS : left > ANSWER_MS ? ANSWER_MS : left;
}

static void adopt_engine(struct manager *m, const char *name, int64_t until,
			 struct kernel_instance *list, size_t n)
{
	struct engine e;
	struct vtpm *v = manager_find(m, name, NULL);
	struct kernel_instance *k = v ? find(list, n, v) : NULL;
	int r = engine_adopt(&m->config, name, answer_time(until), &e);

	if (r < 0) {
		if (r != -ENOENT)
			log_warning("engine of %s cannot be taken over: %s",
				    name, strerror(-r));
		return;
	}
	if (!k) {
		stop_engine(m, name, &e);
		return;
	}
	if (!k->port) {
		/* The manager was killed before it told the kernel of it. */
		engine_discard(&m->config, name, &e);
		return;
	}
	v->instance = *k;
	v->in_kernel = true;
	vtpm_set_state(
		v, k->state == VTPM_STATE_FAILED ? VTPM_FAILED : VTPM_RUNNING,
		k->state == VTPM_STATE_FAILED ? k->reason : NULL);
	vtpm_attach(v, &e);
	log_info("vTPM %s: taken over, engine %d", name, e.process.pid);
}

static void adopt_orphan(struct manager *m, struct kernel_instance *k)
{
	struct vtpm *v = manager_find(m, k->name, NULL);

	if (!v || !is_of(k, v)) {
		log_warning("the kernel has a vTPM %s that is none of ours; "
			    "left alone",
			    k->name);
		return;
	}
	if (v->in_kernel)
		return;
	v->instance = *k;
	v->in_kernel = true;
	if (k->state == VTPM_STATE_FAILED)
		vtpm_set_state(v, VTPM_FAILED, k->reason);
	else
		resume_after_death(v, -1);
}

int adopt_all(struct manager *m, struct error *err)
{
	_cleanup_free_ struct kernel_instance *list = NULL;
	int fd = openat(m->config.engine_fd, ".",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(dir) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct error local = { 0 };
	const int64_t until = clock_ms() + ALL_ANSWER_MS;
	struct dirent *de;
	size_t n = 0;
	int r = kernel_dump(&list, &n, &local);

	/* Only without the module is it sure that no engine serves a device. */
	if (r < 0 && r != -ENODEV) {
		*err = local;
		return r;
	}
	if (r < 0)
		log_notice("%s", local.text);
	while (d && (de = readdir(d))) {
		if (name_valid(de->d_name) || pool_is_name(de->d_name))
			adopt_engine(m, de->d_name, until, list, n);
	}
	for (size_t i = 0; i < n; i++)
		adopt_orphan(m, &list[i]);
	return 0;
}
