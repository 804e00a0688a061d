// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/io.h"
#include "util/json.h"
#include "util/log.h"
#include "vtpmd/manager.h"
#include "vtpmd/provider-call.h"
#include "vtpmd/standby.h"

/* After a job, so that it does not take the CPU from those that follow. */
#define IDLE_US 250000ULL
/* Fits into an empty pipe. */
#define MAX_REQUEST (32 * 1024)

/* One that waits. What it was started with has to be what is there now. */
struct waiting {
	struct running run; /* RUNNING_NONE: there is none */
	struct provider_ref p;
	struct stat program, dir;
	int request_fd, key_fd;
};

struct standby {
	pthread_mutex_t lock; /* protects all but the last two */
	struct waiting waiting;
	struct provider_ref wanted; /* without a name: none */

	struct manager *m;
	sd_event_source *pause;
};

#define WAITING_NONE       \
	((struct waiting){ \
		.run = RUNNING_NONE, .request_fd = -1, .key_fd = -1 })

int standby_new(struct standby **out)
{
	struct standby *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	s->waiting = WAITING_NONE;
	*out = s;
	return 0;
}

static void discard(struct waiting *w)
{
	capture_kill(&w->run);
	provider_ref_deinit(&w->p);
	if (w->request_fd >= 0)
		close(w->request_fd);
	if (w->key_fd >= 0)
		close(w->key_fd);
	*w = WAITING_NONE;
}

void standby_free(struct standby *s)
{
	if (!s)
		return;
	sd_event_source_disable_unref(s->pause);
	discard(&s->waiting);
	provider_ref_deinit(&s->wanted);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Of ours, which reads nothing before its request. Another might. */
static bool may_wait(const struct provider_ref *p)
{
	return !strcmp(p->type, "native");
}

static struct provider_ref copy(const struct provider_ref *p)
{
	struct provider_ref out = *p;

	out.config = json_deep_copy(p->config);
	return out;
}

static bool same_provider(const struct provider_ref *a,
			  const struct provider_ref *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->type, b->type) &&
	       (a->config ? json_equal(a->config, b->config) : !b->config);
}

void standby_want(struct standby *s, const struct provider_ref *p)
{
	if (!s || !may_wait(p))
		return;
	pthread_mutex_lock(&s->lock);
	if (!same_provider(&s->wanted, p)) {
		provider_ref_deinit(&s->wanted);
		s->wanted = copy(p);
	}
	pthread_mutex_unlock(&s->lock);
}

void standby_forget(struct standby *s, const char *name)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	if (!name || !strcmp(s->waiting.p.name, name))
		discard(&s->waiting);
	if (!name || !strcmp(s->wanted.name, name)) {
		provider_ref_deinit(&s->wanted);
		s->wanted = (struct provider_ref){ 0 };
	}
	pthread_mutex_unlock(&s->lock);
}

/* Of the program and of the directory that a run would have now. */
static int look(const struct config *cfg, const struct provider_ref *p,
		struct stat *program, struct stat *dir)
{
	char name[PROVIDER_PROGRAM_LEN], path[PATH_MAX];
	int r;

	provider_program(p->type, name);
	r = config_find_program(cfg, name, path, NULL);
	if (r < 0)
		return r;
	if (stat(path, program) < 0 ||
	    fstatat(cfg->keys_fd, p->name, dir, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static bool is_current(const struct waiting *w, const struct config *cfg,
		       const struct provider_ref *p)
{
	struct pollfd end = { .fd = w->run.process.pidfd, .events = POLLIN };
	struct stat program = { 0 }, dir = { 0 };

	return w->run.process.pidfd >= 0 && same_provider(&w->p, p) &&
	       !look(cfg, p, &program, &dir) &&
	       spawn_same_program(&program, &w->program) &&
	       dir.st_dev == w->dir.st_dev && dir.st_ino == w->dir.st_ino &&
	       !poll(&end, 1, 0);
}

static struct waiting take(struct standby *s, const struct config *cfg,
			   const struct provider_ref *p)
{
	struct waiting w;

	pthread_mutex_lock(&s->lock);
	w = s->waiting;
	s->waiting = WAITING_NONE;
	pthread_mutex_unlock(&s->lock);
	if (!is_current(&w, cfg, p))
		discard(&w);
	return w;
}

/* Whole or not at all: the pipe is empty, and nobody waits for its reader. */
static int send_request(int from, int to)
{
	char text[MAX_REQUEST];
	ssize_t n = pread(from, text, sizeof(text), 0);

	if (n < 0)
		return -errno;
	if (n == sizeof(text))
		return -E2BIG;
	return write_full(to, text, n);
}

static int pass_key(int from, int to)
{
	_cleanup_(secret) struct secret *s = secret_new(NVRAM_KEY_LEN + 1);
	ssize_t n = s ? read(from, s->data, s->len) : -1;

	/* None is for the caller to find. */
	return n > 0 ? write_full(to, s->data, n) : 0;
}

int standby_run(struct standby *s, const struct config *cfg,
		const struct provider_ref *p, int request_fd, int key_fd,
		struct capture *c, struct error *err)
{
	struct waiting w;
	int r;

	if (!s || !may_wait(p))
		return -ENOENT;
	w = take(s, cfg, p);
	if (w.request_fd < 0)
		return -ENOENT;
	r = send_request(request_fd, w.request_fd);
	close(TAKE_FD(w.request_fd));
	if (!r)
		r = capture_finish(&w.run, p->name, PROVIDER_TIMEOUT_MS, c,
				   err);
	if (!r && c->status) {
		/* It may have been killed; no reply is an answer. */
		capture_deinit(c);
		r = -EPIPE;
	}
	if (!r)
		r = pass_key(w.key_fd, key_fd);
	discard(&w);
	return r < 0 ? -ENOENT : 0;
}

static int start(const struct config *cfg, struct waiting *w, struct error *err)
{
	_cleanup_close_ int request_end = -1, key_end = -1;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	request_end = fds[0];
	w->request_fd = fds[1];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	w->key_fd = fds[0];
	key_end = fds[1];
	if (fcntl(w->request_fd, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(w->key_fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	if (look(cfg, &w->p, &w->program, &w->dir) < 0)
		return -ENOENT;
	return provider_spawn(cfg, &w->p,
			      (const int[]){ request_end, -1, key_end }, true,
			      &w->run, err);
}

static int make(struct job *job, void *arg, struct error *err)
{
	struct manager *m = arg;
	struct standby *s = m->config.standby;
	struct waiting w = WAITING_NONE;
	int r;

	(void)job;
	pthread_mutex_lock(&s->lock);
	w.p = copy(&s->wanted);
	pthread_mutex_unlock(&s->lock);
	r = w.p.name[0] ? start(&m->config, &w, err) : -ENOENT;
	pthread_mutex_lock(&s->lock);
	/* It may have been removed meanwhile. */
	if (!r && same_provider(&w.p, &s->wanted)) {
		discard(&s->waiting);
		s->waiting = w;
	} else {
		discard(&w);
	}
	/* Not tried again before it is used again. */
	provider_ref_deinit(&s->wanted);
	s->wanted = (struct provider_ref){ 0 };
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static void made(void *arg, const struct error *err)
{
	(void)arg;
	(void)err;
}

static const struct job_ops make_ops = {
	.name = "standby",
	.run = make,
	.done = made,
};

static int on_time(sd_event_source *source, uint64_t usec, void *arg)
{
	struct manager *m = arg;
	struct standby *s = m->config.standby;
	bool wanted;

	(void)source;
	(void)usec;
	s->pause = sd_event_source_disable_unref(s->pause);
	pthread_mutex_lock(&s->lock);
	wanted = s->wanted.name[0] &&
		 !(s->waiting.request_fd >= 0 &&
		   same_provider(&s->waiting.p, &s->wanted));
	pthread_mutex_unlock(&s->lock);
	if (wanted && !m->stopping && !job_pool_active(m->jobs))
		job_start(m->jobs, &make_ops, m, NULL);
	return 0;
}

void standby_continue(struct manager *m)
{
	struct standby *s = m->config.standby;

	if (!s || m->stopping)
		return;
	s->pause = sd_event_source_disable_unref(s->pause);
	sd_event_add_time_relative(m->event, &s->pause, CLOCK_MONOTONIC,
				   IDLE_US, 0, on_time, m);
}
