// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "util/log.h"
#include "vtpmd/job.h"

#define MAX_JOBS 64
/* So many stay free for jobs that change something. */
#define RESERVED_JOBS 32
/* So many of vtpmd's own are within MAX_JOBS. */
#define OWN_JOBS 16

struct message {
	STAILQ_ENTRY(message) link;
	struct job *job;
	char *progress; /* NULL: the job is done */
};

STAILQ_HEAD(message_list, message);

struct job_pool {
	sd_event_source *source;
	int eventfd;
	unsigned int limit;  /* of jobs */
	unsigned int active; /* main loop only */
	void (*on_done)(void *arg);
	void *on_done_arg;

	pthread_mutex_t lock; /* protects messages */
	struct message_list messages;
};

struct job {
	struct job_pool *pool;
	const struct job_ops *ops;
	void *arg;
	pthread_t thread;
	int result;
	struct error err;
	struct message last; /* so that the end can always be told */
};

static void post(struct job_pool *pool, struct message *msg)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&pool->lock);
	STAILQ_INSERT_TAIL(&pool->messages, msg, link);
	pthread_mutex_unlock(&pool->lock);
	/* Cannot fail: the counter is far from its end. */
	if (write(pool->eventfd, &one, sizeof(one)) < 0)
		abort();
}

void job_progress(struct job *job, const char *text)
{
	struct message *msg = calloc(1, sizeof(*msg));

	if (msg)
		msg->progress = strdup(text);
	if (!msg || !msg->progress) {
		/* Progress is a comfort; the work goes on without. */
		free(msg);
		return;
	}
	msg->job = job;
	post(job->pool, msg);
}

static void *job_thread(void *p)
{
	struct job *job = p;

	job->result = job->ops->run(job, job->arg, &job->err);
	post(job->pool, &job->last);
	return NULL;
}

static void job_finish(struct job *job)
{
	struct job_pool *pool = job->pool;

	pthread_join(job->thread, NULL);
	pool->active--;
	/* A failure without a text would reach a person as nothing. */
	if (job->result < 0 && !job->err.code)
		error_set(&job->err, job->result, VTPM_ERR_INTERNAL, "%s: %s",
			  job->ops->name, strerror(-job->result));
	job->ops->done(job->arg, job->result < 0 ? &job->err : NULL);
	free(job);
	if (pool->on_done)
		pool->on_done(pool->on_done_arg);
}

static int on_messages(sd_event_source *source, int fd, uint32_t revents,
		       void *userdata)
{
	struct job_pool *pool = userdata;
	struct message *msg;
	uint64_t count;

	(void)source;
	(void)revents;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	for (;;) {
		pthread_mutex_lock(&pool->lock);
		msg = STAILQ_FIRST(&pool->messages);
		if (msg)
			STAILQ_REMOVE_HEAD(&pool->messages, link);
		pthread_mutex_unlock(&pool->lock);
		if (!msg)
			return 0;
		if (!msg->progress) {
			job_finish(msg->job);
			continue;
		}
		if (msg->job->ops->progress)
			msg->job->ops->progress(msg->job->arg, msg->progress);
		free(msg->progress);
		free(msg);
	}
}

int job_pool_new(sd_event *event, unsigned int own, struct job_pool **out)
{
	struct job_pool *pool = calloc(1, sizeof(*pool));
	int r;

	if (!pool)
		return -ENOMEM;
	pool->limit = MAX_JOBS + (own > OWN_JOBS ? own - OWN_JOBS : 0);
	pthread_mutex_init(&pool->lock, NULL);
	STAILQ_INIT(&pool->messages);
	pool->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = pool->eventfd < 0
		    ? -errno
		    : sd_event_add_io(event, &pool->source, pool->eventfd,
				      EPOLLIN, on_messages, pool);
	if (r < 0) {
		job_pool_free(pool);
		return r;
	}
	*out = pool;
	return 0;
}

void job_pool_free(struct job_pool *pool)
{
	if (!pool)
		return;
	sd_event_source_unref(pool->source);
	if (pool->eventfd >= 0)
		close(pool->eventfd);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

unsigned int job_pool_active(const struct job_pool *pool)
{
	return pool->active;
}

void job_pool_on_done(struct job_pool *pool, void (*fn)(void *), void *arg)
{
	pool->on_done = fn;
	pool->on_done_arg = arg;
}

/* Signals are the main loop's: a thread must not take one from it. */
static int start_thread(struct job *job)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&job->thread, NULL, job_thread, job);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

int job_start(struct job_pool *pool, const struct job_ops *ops, void *arg,
	      struct error *err)
{
	unsigned int limit =
		ops->read_only ? pool->limit - RESERVED_JOBS : pool->limit;
	struct job *job;
	int r;

	if (pool->active >= limit)
		return error_set(err, -EBUSY, VTPM_ERR_BUSY,
				 "%u operations are under way; try again",
				 pool->active);
	job = calloc(1, sizeof(*job));
	if (!job)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	job->pool = pool;
	job->ops = ops;
	job->arg = arg;
	job->last.job = job;
	r = start_thread(job);
	if (r < 0) {
		free(job);
		return error_set(err, r, VTPM_ERR_BUSY, "cannot start %s: %s",
				 ops->name, strerror(-r));
	}
	pool->active++;
	return 0;
}
