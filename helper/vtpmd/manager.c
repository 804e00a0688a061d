// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/vtpm.h>
#include <systemd/sd-daemon.h>

#include "util/log.h"
#include "vtpmd/api.h"
#include "vtpmd/autostart.h"
#include "vtpmd/kernel-sync.h"
#include "vtpmd/manager.h"
#include "vtpmd/pool.h"
#include "vtpmd/registry.h"
#include "vtpmd/resume.h"
#include "vtpmd/rekey.h"
#include "vtpmd/server.h"
#include "vtpmd/standby.h"
#include "vtpmd/stop-all.h"
#include "vtpmd/zygote.h"

/* A little less than the service manager gives us. */
#define STOP_LIMIT_US (80 * 1000000ULL)

static int add_vtpm(const char *name, void *arg)
{
	struct vtpm *v = vtpm_new(arg, name);

	if (!v)
		return -ENOMEM;
	vtpm_load(v);
	return 0;
}

static int add_provider(const char *name, void *arg)
{
	struct manager *m = arg;
	struct provider *p = manager_add_provider(m, name);
	struct provider_ref ref = { 0 };
	struct error err = { 0 };

	if (!p)
		return -ENOMEM;
	if (registry_load_provider(&m->config, name, &ref, &p->is_default,
				   &err) < 0)
		log_warning("%s", err.text);
	provider_ref_deinit(&ref);
	return 0;
}

static void on_job_done(void *arg)
{
	struct manager *m = arg;

	kernel_sync_continue(m);
	resume_some(m);
	stop_all_continue(m);
	rekey_all_continue(m);
	if (!m->stopping) {
		autostart_continue(m);
		pool_continue(m);
		standby_continue(m);
	} else if (!job_pool_active(m->jobs)) {
		sd_event_exit(m->event, 0);
	}
}

static int on_stop_limit(sd_event_source *source, uint64_t usec, void *arg)
{
	struct manager *m = arg;

	(void)source;
	(void)usec;
	log_error(
		"operations are under way; what they leave is cleaned up by the next vtpmd");
	return sd_event_exit(m->event, 1);
}

/*
 * The engines go on: the next vtpmd takes them over. Stopping them would reset
 * every PCR, which only StopAll and Stop do.
 */
static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si,
		     void *arg)
{
	struct manager *m = arg;

	(void)source;
	if (m->stopping)
		return 0;
	log_info("signal %u: ending; vTPMs go on", si->ssi_signo);
	sd_notify(0, "STOPPING=1");
	m->stopping = true;
	sd_event_add_time_relative(m->event, &m->stop_timer, CLOCK_MONOTONIC,
				   STOP_LIMIT_US, 0, on_stop_limit, m);
	if (!job_pool_active(m->jobs))
		sd_event_exit(m->event, 0);
	return 0;
}

static int init_loop(struct manager *m, struct error *err)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	r = sd_event_new(&m->event);
	if (r >= 0)
		r = sd_event_add_signal(m->event, &m->term_source, SIGTERM,
					on_signal, m);
	if (r >= 0)
		r = sd_event_add_signal(m->event, &m->int_source, SIGINT,
					on_signal, m);
	if (r >= 0)
		r = job_pool_new(m->event, autostart_jobs(&m->config),
				 &m->jobs);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_INTERNAL, "event loop: %s",
				 strerror(-r));
	job_pool_on_done(m->jobs, on_job_done, m);
	return 0;
}

static int init_events(struct manager *m, struct error *err)
{
	int r = kernel_open_events(&m->events_fd, err);

	if (r < 0)
		return r;
	r = sd_event_add_io(m->event, &m->events_source, m->events_fd, EPOLLIN,
			    kernel_sync_on_event, m);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_INTERNAL, "event loop: %s",
				 strerror(-r));
	return 0;
}

int manager_init(struct manager *m, struct error *err)
{
	int r;

	r = config_find_accounts(&m->config, err);
	if (!r)
		r = config_open(&m->config, err);
	if (!r)
		r = init_loop(m, err);
	if (!r)
		r = init_events(m, err);
	if (!r &&
	    ((!m->config.no_zygote && zygote_new(&m->config.zygote) < 0) ||
	     standby_new(&m->config.standby) < 0))
		r = error_set(err, -ENOMEM, VTPM_ERR_INTERNAL, "out of memory");
	return r;
}

int manager_start(struct manager *m, struct error *err)
{
	char path[PATH_MAX];
	int r;

	r = registry_scan_providers(&m->config, add_provider, m, err);
	if (!r)
		r = registry_scan(&m->config, add_vtpm, m, err);
	if (!r)
		r = adopt_all(m, err);
	if (r < 0)
		return r;
	/* After that: an engine of a vTPM half made had its file locked. */
	registry_clean(&m->config);
	pool_clean(&m->config);
	snprintf(path, sizeof(path), "%s/io.vtpm", m->config.run_dir);
	r = server_new(m->event, path, m->config.have_admin,
		       m->config.admin_gid, api_handle, m, &m->server, err);
	if (r < 0)
		return r;
	engine_prepare(&m->config);
	sd_notifyf(0, "READY=1\nSTATUS=Serving %s", path);
	autostart_begin(m);
	pool_fill(m);
	return 0;
}

void manager_deinit(struct manager *m)
{
	struct vtpm *v;
	struct provider *p, *next;

	monitor_close_all(m);
	ask_ahead_end(m);
	server_free(m->server);
	while ((v = TAILQ_FIRST(&m->vtpms)))
		vtpm_free(v);
	for (p = TAILQ_FIRST(&m->providers); p; p = next) {
		next = TAILQ_NEXT(p, link);
		manager_free_provider(m, p);
	}
	sd_event_source_disable_unref(m->events_source);
	if (m->events_fd >= 0)
		close(m->events_fd);
	sd_event_source_disable_unref(m->pool_pause);
	sd_event_source_disable_unref(m->stop_timer);
	sd_event_source_disable_unref(m->int_source);
	sd_event_source_disable_unref(m->term_source);
	job_pool_free(m->jobs);
	zygote_free(m->config.zygote);
	standby_free(m->config.standby);
	sd_event_unref(m->event);
	config_close(&m->config);
}
