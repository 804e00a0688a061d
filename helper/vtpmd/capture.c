// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "vtpmd/spawn.h"

#define ERR_KEPT 2048

void last_line(const char *buf, size_t len, char *out, size_t size)
{
	const char *start;
	size_t n;

	while (len && buf[len - 1] == '\n')
		len--;
	start = memrchr(buf, '\n', len);
	if (start)
		len -= ++start - buf;
	else
		start = buf;
	n = len < size - 1 ? len : size - 1;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = start[i];

		/* UTF-8 would need a check of its own: JSON refuses bad one. */
		out[i] = c < 0x20 || c >= 0x7f ? '?' : c;
	}
	out[n] = '\0';
}

struct streams {
	int out, err;	     /* read ends, -1 after their end */
	char tail[ERR_KEPT]; /* newest part of standard error */
	size_t tail_len;
};

/* 1: more may come; 0: end of file; or a negative errno. */
static int read_out(struct streams *s, struct capture *c)
{
	char buf[4096], *p;
	ssize_t n = read(s->out, buf, sizeof(buf));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	if (!n)
		return 0;
	if (c->out_len + n > CAPTURE_MAX_OUT)
		return -E2BIG;
	p = realloc(c->out, c->out_len + n + 1);
	if (!p)
		return -ENOMEM;
	memcpy(p + c->out_len, buf, n);
	c->out = p;
	c->out_len += n;
	p[c->out_len] = '\0';
	return 1;
}

static int read_err(struct streams *s)
{
	ssize_t n;

	if (s->tail_len == ERR_KEPT) {
		s->tail_len = ERR_KEPT / 2;
		memmove(s->tail, s->tail + ERR_KEPT / 2, s->tail_len);
	}
	n = read(s->err, s->tail + s->tail_len, ERR_KEPT - s->tail_len);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	s->tail_len += n;
	return n > 0;
}

/*
 * With all that it has started and that has not left its session: nothing of a
 * request is to outlive it. The number is its own until it is reaped.
 */
static void kill_session(const struct process *p)
{
	kill(-p->pid, SIGKILL);
}

static int reap(struct process *p, int *status)
{
	kill_session(p);
	return process_wait(p, 0, status);
}

/* Until the program ended; what it wrote before is in the pipes by then. */
static int follow(struct process *p, struct streams *s, struct capture *c,
		  int timeout_ms)
{
	const int64_t end = clock_ms() + timeout_ms;
	bool ended = false;

	for (;;) {
		struct pollfd pfd[] = { { .fd = s->out, .events = POLLIN },
					{ .fd = s->err, .events = POLLIN },
					{ .fd = p->pidfd, .events = POLLIN } };
		int64_t left = ended ? 0 : end - clock_ms();
		int r = poll(pfd, 3, left > 0 ? left : 0);

		if (r < 0 && errno != EINTR)
			return -errno;
		/* Also when it goes on writing. */
		if (left <= 0 && !ended && !pfd[2].revents)
			return -ETIMEDOUT;
		r = pfd[0].revents ? read_out(s, c) : 1;
		if (r < 0)
			return r;
		if (!r)
			s->out = -1;
		if (pfd[1].revents && read_err(s) <= 0)
			s->err = -1;
		/* A grandchild may hold the pipes: do not wait for it. */
		if (ended && !pfd[0].revents && !pfd[1].revents)
			return reap(p, &c->status);
		ended = pfd[2].revents != 0;
		if (ended && s->out < 0 && s->err < 0)
			return reap(p, &c->status);
	}
}

static int capture_error(int r, const char *what, int timeout_ms,
			 struct error *err)
{
	if (r == -ETIMEDOUT)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 "%s did not end within %d s", what,
				 timeout_ms / 1000);
	if (r == -E2BIG)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 "%s wrote more than %d bytes", what,
				 CAPTURE_MAX_OUT);
	return error_set(err, r, VTPM_ERR_INTERNAL, "%s: %s", what,
			 strerror(-r));
}

int capture_start(struct spawn *s, const char *what, struct running *out,
		  struct error *err)
{
	_cleanup_close_ int out_rd = -1, out_wr = -1, err_rd = -1, err_wr = -1;
	struct running p = RUNNING_NONE;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return capture_error(-errno, what, 0, err);
	out_rd = fds[0];
	out_wr = fds[1];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return capture_error(-errno, what, 0, err);
	err_rd = fds[0];
	err_wr = fds[1];
	/* Ours alone: the program's ends stay as programs expect them. */
	if (fcntl(out_rd, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(err_rd, F_SETFL, O_NONBLOCK) < 0)
		return capture_error(-errno, what, 0, err);
	s->fds[1] = out_wr;
	s->fds[2] = err_wr;
	r = spawn_process(s, &p.process, err);
	if (r < 0)
		return r;
	p.out = TAKE_FD(out_rd);
	p.err = TAKE_FD(err_rd);
	*out = p;
	return 0;
}

static void close_running(struct running *p)
{
	process_close(&p->process);
	if (p->out >= 0)
		close(p->out);
	if (p->err >= 0)
		close(p->err);
	*p = RUNNING_NONE;
}

void capture_kill(struct running *p)
{
	if (p->process.pidfd < 0)
		return;
	kill_session(&p->process);
	process_kill(&p->process);
	close_running(p);
}

int capture_finish(struct running *p, const char *what, int timeout_ms,
		   struct capture *out, struct error *err)
{
	struct streams streams = { .out = p->out, .err = p->err };
	struct capture c = { .status = -1 };
	int r = follow(&p->process, &streams, &c, timeout_ms);

	if (r < 0) {
		capture_kill(p);
		capture_deinit(&c);
		return capture_error(r, what, timeout_ms, err);
	}
	close_running(p);
	last_line(streams.tail, streams.tail_len, c.line, sizeof(c.line));
	*out = c;
	return 0;
}

int capture_run(struct spawn *s, const char *what, int timeout_ms,
		struct capture *out, struct error *err)
{
	struct running p;
	int r = capture_start(s, what, &p, err);

	return r < 0 ? r : capture_finish(&p, what, timeout_ms, out, err);
}

void capture_deinit(struct capture *c)
{
	free(c->out);
	*c = (struct capture){ 0 };
}
