// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/zygote.h"
#include "util/cleanup.h"
#include "util/io.h"
#include "util/log.h"
#include "vtpmd/zygote.h"

/* The first reply comes after the self-test of libtpms, on a slow machine. */
#define FIRST_REPLY_S 60
/* All others are a fork away. Who waits for one holds up all other starts. */
#define REPLY_S 10

struct zygote {
	/* Protects all but @stale: one request at a time. */
	pthread_mutex_t lock;
	struct process process; /* pidfd -1: none */
	int sock;
	struct stat program;
	unsigned int first_s, later_s;
	bool replied; /* the one that runs */
	bool mute;    /* one of @program never did: no other is tried */
	_Atomic bool stale;
};

int zygote_new(struct zygote **out)
{
	struct zygote *z = calloc(1, sizeof(*z));

	if (!z)
		return -ENOMEM;
	pthread_mutex_init(&z->lock, NULL);
	z->process.pidfd = -1;
	z->sock = -1;
	zygote_set_timeouts(z, FIRST_REPLY_S, REPLY_S);
	*out = z;
	return 0;
}

void zygote_set_timeouts(struct zygote *z, unsigned int first_s,
			 unsigned int later_s)
{
	z->first_s = first_s;
	z->later_s = later_s;
}

static void end(struct zygote *z)
{
	if (z->sock >= 0)
		close(z->sock);
	z->sock = -1;
	process_kill(&z->process);
	process_close(&z->process);
}

void zygote_free(struct zygote *z)
{
	if (!z)
		return;
	end(z);
	pthread_mutex_destroy(&z->lock);
	free(z);
}

void zygote_renew(struct zygote *z)
{
	if (z)
		z->stale = true;
}

static void wait_for(int sock, unsigned int seconds)
{
	const struct timeval tv = { .tv_sec = seconds };

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static int begin(struct zygote *z, const struct spawn *s, struct error *err)
{
	char title[ZYGOTE_TITLE_LEN + 1];
	char *argv[] = { "vtpm-engine", "--zygote", "3", title, NULL };
	struct spawn own = { .path = s->path,
			     .argv = argv,
			     .n_fds = 4,
			     .user = s->user,
			     .cwd_fd = -1,
			     .listen_fd = -1 };
	int pair[2], r;

	memset(title, ' ', ZYGOTE_TITLE_LEN);
	title[ZYGOTE_TITLE_LEN] = '\0';
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, -errno, VTPM_ERR_INTERNAL, "socket: %s",
				 strerror(errno));
	own.fds[0] = -1;
	own.fds[1] = own.fds[2] = STDERR_FILENO;
	own.fds[3] = pair[1];
	r = spawn_process(&own, &z->process, err);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	wait_for(pair[0], z->first_s);
	z->sock = pair[0];
	z->replied = z->mute = false;
	return 0;
}

/* There is one, and it is of the program that is there now. */
static int make_ready(struct zygote *z, const struct spawn *s,
		      struct error *err)
{
	bool stale = atomic_exchange(&z->stale, false);
	struct stat st;
	int r;

	if (stat(s->path, &st) < 0)
		return error_set(err, -errno, VTPM_ERR_INTERNAL, "%s: %s",
				 s->path, strerror(errno));
	if (z->sock >= 0 && !stale && spawn_same_program(&st, &z->program))
		return 0;
	if (z->mute && !stale && spawn_same_program(&st, &z->program))
		return error_set(err, -ETIMEDOUT, VTPM_ERR_INTERNAL,
				 "it did not answer within %u s", z->first_s);
	end(z);
	r = begin(z, s, err);
	if (!r)
		z->program = st;
	return r;
}

static int pack(const struct spawn *s, struct zygote_request *rq)
{
	for (size_t i = 0; s->argv[i]; i++) {
		size_t n = strlen(s->argv[i]) + 1;

		if (i == ZYGOTE_MAX_ARGS || n > ZYGOTE_ARGS_LEN - rq->args_len)
			return -E2BIG;
		memcpy(rq->args + rq->args_len, s->argv[i], n);
		rq->args_len += n;
	}
	rq->n_fds = s->n_fds;
	for (size_t i = 0; i < s->n_fds; i++) {
		if (s->fds[i] == s->listen_fd)
			rq->listen_fd = i;
	}
	return 0;
}

static int send_request(int sock, const struct spawn *s,
			const struct zygote_request *rq)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fds[SPAWN_MAX_FDS] = { 0 };
	ssize_t n;

	if (null < 0)
		return -errno;
	for (size_t i = 0; i < s->n_fds; i++)
		fds[i] = s->fds[i] < 0 ? null : s->fds[i];
	n = send_with_fds(sock, rq, sizeof(*rq), fds, s->n_fds, 0);
	return n < 0 ? n : 0;
}

static int receive_reply(int sock, pid_t *pid)
{
	struct zygote_reply reply;
	ssize_t n;

	do {
		n = recv(sock, &reply, sizeof(reply), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n != sizeof(reply))
		return n ? -EBADMSG : -EPIPE;
	if (reply.errnum < 0)
		return reply.errnum;
	*pid = reply.pid;
	return reply.pid > 0 ? 0 : -EBADMSG;
}

/* Whatever the zygote says: only a child of ours will we wait for and kill. */
static int adopt(pid_t pid, struct process *out)
{
	siginfo_t info;
	int fd = syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return -errno;
	if (waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
		close(fd);
		return -ECHILD;
	}
	*out = (struct process){ .pid = pid, .pidfd = fd };
	return 0;
}

static void note_reply(struct zygote *z, int r)
{
	if (!r && !z->replied) {
		z->replied = true;
		wait_for(z->sock, z->later_s);
	}
	if (r == -ETIMEDOUT && !z->replied)
		z->mute = true;
}

/*
 * A subreaper only until the engine is ours: what providers leave behind is
 * init's to reap.
 */
static int request(struct zygote *z, const struct spawn *s, bool *sent,
		   struct process *out)
{
	struct zygote_request rq = { 0 };
	pid_t pid = 0;
	int r = pack(s, &rq);

	if (r < 0)
		return r;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return -errno;
	r = send_request(z->sock, s, &rq);
	*sent = !r;
	if (!r)
		r = receive_reply(z->sock, &pid);
	note_reply(z, r);
	/*
	 * Without an engine for sure: it said so, or has ended with the request
	 * unread, which is what ECONNRESET says (unix(7)).
	 */
	if (r < 0 && r != -ETIMEDOUT && r != -EPIPE)
		*sent = false;
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	return r < 0 ? r : adopt(pid, out);
}

int zygote_spawn(struct zygote *z, const struct spawn *s, struct process *out,
		 struct error *err)
{
	struct error why = { 0 };
	bool sent = false;
	int r = -EPIPE;

	pthread_mutex_lock(&z->lock);
	/* Twice: it may have been killed since the last time. */
	for (int i = 0; r < 0 && !sent && i < 2; i++) {
		r = make_ready(z, s, &why);
		if (!r)
			r = request(z, s, &sent, out);
		if (r < 0)
			end(z);
	}
	pthread_mutex_unlock(&z->lock);
	if (!r)
		return 0;
	/* Another with these descriptors could be the second. */
	if (sent)
		return error_set(err, -ESTALE, VTPM_ERR_ENGINE,
				 "the process that engines come from did not "
				 "answer: %s",
				 strerror(-r));
	log_warning("the zygote does not work (%s); engines are started "
		    "without it and take more memory",
		    why.text[0] ? why.text : strerror(-r));
	return spawn_process(s, out, err);
}

void zygote_prepare(struct zygote *z, const struct spawn *s)
{
	struct error err = { 0 };

	pthread_mutex_lock(&z->lock);
	if (make_ready(z, s, &err) < 0)
		log_warning("zygote: %s", err.text);
	pthread_mutex_unlock(&z->lock);
}
