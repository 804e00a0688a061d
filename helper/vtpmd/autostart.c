// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "util/log.h"
#include "vtpmd/autostart.h"
#include "vtpmd/manager.h"

/*
 * A start waits for disks, the provider and the kernel as much as it computes:
 * two for each processor. At least four, since a provider may be far away, and
 * half of what there may be of jobs.
 */
#define STARTS_PER_CPU 2
#define MIN_STARTS 4
#define MAX_STARTS 32
/* So many more have started: a line in the log. */
#define LOG_EVERY 100

static unsigned int max_starts(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	long n = STARTS_PER_CPU * (cpus > 0 ? cpus : 1);

	return n < MIN_STARTS ? MIN_STARTS : n > MAX_STARTS ? MAX_STARTS : n;
}

static unsigned int count_busy(const struct manager *m)
{
	const struct vtpm *v;
	unsigned int n = 0;

	TAILQ_FOREACH(v, &m->vtpms, link)
		n += v->busy > 0;
	return n;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/* For systemctl status and the log, until all of vtpmd's start are done. */
static void tell(struct manager *m)
{
	const struct vtpm *v;
	unsigned int left = 0, done;

	if (!m->autostarts)
		return;
	TAILQ_FOREACH(v, &m->vtpms, link)
		left += v->want_start || v->state == VTPM_STARTING;
	done = left < m->autostarts ? m->autostarts - left : 0;
	if (left && done == m->autostarts_told)
		return;
	m->autostarts_told = done;
	if (left) {
		sd_notifyf(0, "STATUS=Starting vTPMs: %u of %u", done,
			   m->autostarts);
		if (done % LOG_EVERY == 0)
			log_info("started %u of %u vTPMs", done, m->autostarts);
		return;
	}
	log_info("the start of %u vTPMs took %llu ms", m->autostarts,
		 (unsigned long long)(now_ms() - m->autostarts_ms));
	sd_notifyf(0, "STATUS=Serving %s/io.vtpm", m->config.run_dir);
	m->autostarts = 0;
}

void autostart_continue(struct manager *m)
{
	const unsigned int max = max_starts();
	unsigned int busy = count_busy(m);
	struct error err = { 0 };
	struct vtpm *v;

	if (m->stopping)
		return;
	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (busy >= max)
			break;
		if (!v->want_start || v->busy)
			continue;
		v->want_start = false;
		if (vtpm_start(v, NULL, NULL, &err) < 0)
			log_warning("vTPM %s is not started: %s", v->name,
				    err.text);
		else
			busy++;
	}
	tell(m);
}

void autostart_begin(struct manager *m)
{
	struct vtpm *v;

	m->autostarts_ms = now_ms();
	TAILQ_FOREACH(v, &m->vtpms, link) {
		v->want_start =
			v->settings.autostart && v->state == VTPM_STOPPED;
		m->autostarts += v->want_start;
	}
	autostart_continue(m);
}
