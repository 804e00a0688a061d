// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/engine.h"

/* Writing the state once more, on a slow disk. */
#define STOP_TIMEOUT_MS 20000

void engine_introduced(struct engine *e)
{
	if (e->netlink_fd >= 0)
		close(e->netlink_fd);
	e->netlink_fd = -1;
}

void engine_discard(const struct config *cfg, const char *name,
		    struct engine *e)
{
	process_kill(&e->process);
	process_close(&e->process);
	if (e->log_fd >= 0) {
		engine_log_lines(name, e->log_fd);
		close(e->log_fd);
	}
	engine_introduced(e);
	unlinkat(cfg->engine_fd, name, 0);
	*e = ENGINE_NONE;
}

int engine_stop(const struct config *cfg, const char *name, struct engine *e,
		struct error *err)
{
	_cleanup_close_ int sock = engine_connect(cfg, name);
	int status = -1, r = sock;
	char how[64];

	if (sock >= 0)
		r = engine_transact(sock, ENGINE_OP_STOP, STOP_TIMEOUT_MS, NULL,
				    0, NULL, 0);
	if (!r)
		r = process_wait(&e->process, STOP_TIMEOUT_MS, &status);
	engine_end_text(status, how, sizeof(how));
	engine_discard(cfg, name, e);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_ENGINE,
				 "engine of %s did not stop in order (%s) and "
				 "was killed; what it answered is on disk",
				 name,
				 r == -EAGAIN ? "it waits for storage"
					      : strerror(-r));
	/* It has said that all is written; but something is wrong with it. */
	if (status > 0)
		return error_set(err, -EIO, VTPM_ERR_ENGINE,
				 "engine of %s, when it was stopped: %s", name,
				 how);
	return 0;
}

/* Its standard error, if it is one of the pipes that we make. */
static int reopen_log(pid_t pid)
{
	char path[48];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd/2", pid);
	if (stat(path, &st) < 0 || !S_ISFIFO(st.st_mode))
		return -1;
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return fd;
}

int engine_adopt(const struct config *cfg, const char *name, int timeout_ms,
		 struct engine *out)
{
	struct engine e = ENGINE_NONE;
	struct engine_status status;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	_cleanup_close_ int sock = engine_connect(cfg, name);
	int r;

	if (sock == -ECONNREFUSED) {
		unlinkat(cfg->engine_fd, name, 0);
		return -ENOENT;
	}
	if (sock < 0)
		return sock;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	/* Who listens is the engine itself, see struct spawn. */
	if (cred.uid != cfg->engine_user.uid)
		return -EPERM;
	e.process.pid = cred.pid;
	e.process.pidfd = syscall(SYS_pidfd_open, cred.pid, 0);
	if (e.process.pidfd < 0)
		return -errno;
	/* It still answers, so the number was its own when we opened it. */
	r = engine_get_status(sock, timeout_ms, &status);
	if (!r && status.protocol != ENGINE_PROTOCOL_VERSION)
		r = -EPROTONOSUPPORT;
	if (r < 0) {
		engine_discard(cfg, name, &e);
		return r;
	}
	e.log_fd = reopen_log(cred.pid);
	*out = e;
	return 0;
}

void engine_log_lines(const char *name, int log_fd)
{
	char buf[4096], line[512], *next = buf, *end;
	ssize_t n = read(log_fd, buf, sizeof(buf) - 1);

	if (n <= 0)
		return;
	buf[n] = '\0';
	while (next < buf + n) {
		end = strchrnul(next, '\n');
		last_line(next, end - next, line, sizeof(line));
		if (line[0])
			log_info("engine of %s: %s", name, line);
		next = end + 1;
	}
}

void engine_end_text(int status, char *out, size_t size)
{
	if (status < 0)
		snprintf(out, size, "it ended");
	else if (status > 128)
		snprintf(out, size, "it was killed by signal %d (SIG%s)",
			 status - 128,
			 sigabbrev_np(status - 128) ? sigabbrev_np(status - 128)
						    : "?");
	else
		snprintf(out, size, "it exited with status %d", status);
}
