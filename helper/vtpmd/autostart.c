// SPDX-License-Identifier: GPL-2.0-or-later
#include <malloc.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "util/clock.h"
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
/* So many more have started: a line in the log. */
#define LOG_EVERY 100

static unsigned int max_starts(const struct config *cfg)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	long n = STARTS_PER_CPU * (cpus > 0 ? cpus : 1);

	if (cfg->max_starts)
		return cfg->max_starts;
	return n < MIN_STARTS	   ? MIN_STARTS
	       : n > AUTOSTART_MAX ? AUTOSTART_MAX
				   : n;
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
		 (unsigned long long)(clock_ms() - m->autostarts_ms));
	/* Operations and their answers were many at once. */
	malloc_trim(0);
	sd_notifyf(0, "STATUS=Serving %s/io.vtpm", m->config.run_dir);
	m->autostarts = 0;
}

unsigned int autostart_jobs(const struct config *cfg)
{
	return max_starts(cfg) + ASK_AHEAD_RUNS;
}

/* What is at work, and how much of it may wait for a provider for long. */
struct load {
	unsigned int busy, slow;
};

static struct load count_busy(const struct manager *m)
{
	const struct vtpm *v;
	struct load load = { 0 };

	TAILQ_FOREACH(v, &m->vtpms, link) {
		load.busy += v->busy > 0;
		load.slow += v->busy && ask_ahead_is_slow(v);
	}
	return load;
}

static void start_one(struct vtpm *v, struct load *load)
{
	bool slow = ask_ahead_is_slow(v);
	struct error err = { 0 };

	if (vtpm_start(v, NULL, NULL, &err) < 0) {
		ask_ahead_forget(v);
		log_warning("vTPM %s is not started: %s", v->name, err.text);
		return;
	}
	load->busy++;
	load->slow += slow;
}

/* @slow: also if it is; else one that is not. */
static bool anybody_waits(const struct manager *m, bool slow)
{
	const struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (v->want_start && (slow || !ask_ahead_is_slow(v)))
			return true;
	}
	return false;
}

/*
 * The slow ones come last and take half of the room while others wait, so that a
 * provider that hangs does not hold up the vTPMs of another.
 */
static void start_some(struct manager *m, bool slow, unsigned int max)
{
	unsigned int max_slow = anybody_waits(m, false) ? (max + 1) / 2 : max;
	struct load load = count_busy(m);
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (load.busy >= max || (slow && load.slow >= max_slow))
			break;
		if (v->want_start && !v->busy && v->ask == ASK_DONE &&
		    ask_ahead_is_slow(v) == slow)
			start_one(v, &load);
	}
}

void autostart_continue(struct manager *m)
{
	const unsigned int max = max_starts(&m->config);

	if (m->stopping)
		return;
	ask_ahead_run(m, max);
	start_some(m, false, max);
	start_some(m, true, max);
	if (!anybody_waits(m, true))
		ask_ahead_end(m);
	tell(m);
}

void autostart_begin(struct manager *m)
{
	struct vtpm *v;

	m->autostarts_ms = clock_ms();
	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (!v->settings.autostart || v->state != VTPM_STOPPED)
			continue;
		ask_ahead_want(v);
		m->autostarts++;
	}
	autostart_continue(m);
}
