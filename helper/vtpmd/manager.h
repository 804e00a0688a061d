/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the manager knows, all of it the main loop's own: jobs get copies.
 */
#ifndef VTPM_VTPMD_MANAGER_H
#define VTPM_VTPMD_MANAGER_H

#include <sys/queue.h>

#include <systemd/sd-event.h>

#include "vtpmd/config.h"
#include "vtpmd/job.h"
#include "vtpmd/vtpm.h"

struct call;
struct server;

struct provider {
	TAILQ_ENTRY(provider) link;
	char name[NAME_MAX_LEN + 1];
	bool is_default;
	bool busy; /* an operation changes it */
	bool new;  /* not there until that operation is done, or no more */
};

struct watcher; /* one call of Monitor */

struct manager {
	sd_event *event;
	struct config config;
	struct job_pool *jobs;
	struct server *server;

	TAILQ_HEAD(, vtpm) vtpms;
	TAILQ_HEAD(, provider) providers;
	TAILQ_HEAD(, watcher) watchers;

	int events_fd; /* of the module */
	sd_event_source *events_source;
	/* See kernel-sync.c. */
	bool syncing, sync_needed, sync_pause;
	sd_event_source *term_source, *int_source, *stop_timer;
	bool stopping;	       /* vtpmd ends when its jobs have */
	struct call *stop_all; /* the call of StopAll, while it is at work */
	/* Of vtpmd's own start; 0 when all are done. */
	unsigned int autostarts, autostarts_told;
	uint64_t autostarts_ms;	      /* CLOCK_MONOTONIC; when it began */
	struct ask_group *ask_groups; /* ask-ahead.c's list */
	sd_event_source *pool_pause;  /* until the pool is filled */
	bool pool_made, pool_failed;  /* the last blank */
	struct rekey_all *rekey_all;  /* as long as RekeyAll is at work */
};

int manager_init(struct manager *m, struct error *err);
/* Take over what runs, start what is to be started. */
int manager_start(struct manager *m, struct error *err);
/* All jobs have to be done. */
void manager_deinit(struct manager *m);

/* NULL if there is none. */
struct provider *manager_find_provider(struct manager *m, const char *name);
struct provider *manager_default_provider(struct manager *m);
struct provider *manager_add_provider(struct manager *m, const char *name);
void manager_free_provider(struct manager *m, struct provider *p);

/*
 * The vTPM called @name. A file that appeared since the start is found, too.
 * NULL with @err filled in if there is none or the name is not one.
 */
struct vtpm *manager_find(struct manager *m, const char *name,
			  struct error *err);

/*
 * Keep @name free for a vTPM that gets it when a job is done; vtpm_free() lets
 * it go. VTPM_ERR_EXISTS, or VTPM_ERR_BUSY if someone else is about to have it.
 */
int manager_reserve_name(struct manager *m, const char *name, struct vtpm **out,
			 struct error *err);

/* Take over engines and kernel instances of an earlier manager. */
int adopt_all(struct manager *m, struct error *err);

/* Tell whoever watches; what does not apply is NULL. */
void monitor_event(struct manager *m, const char *event, const char *name,
		   const char *old_state, const char *state,
		   const char *reason);
/* Answer @call with events from now on. */
int monitor_add(struct manager *m, struct call *call);
void monitor_close_all(struct manager *m);

int name_check(const char *name, struct error *err);

#endif
