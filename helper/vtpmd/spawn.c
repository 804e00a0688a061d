// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The child of fork() in a process with threads may call only what is
 * async-signal-safe until it execs: child_main() and what it calls use system
 * calls and memory that was ready before the fork.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/child.h"
#include "util/cleanup.h"
#include "vtpmd/spawn.h"

#define MAX_NOFILE 64
/* A state file grows to 8 MiB at most; no helper is to fill a disk. */
#define MAX_FSIZE (64UL * 1024 * 1024)
/* An engine locks all its memory, thread stacks and all. */
#define MAX_MEMLOCK (512UL * 1024 * 1024)

/* Put the descriptors where the program expects them, and close the rest. */
static int child_fds(const struct spawn *s, int *report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fds[SPAWN_MAX_FDS];

	*report = fcntl(*report, F_DUPFD_CLOEXEC, CHILD_SAFE_FD);
	if (null < 0 || *report < 0)
		return -1;
	for (size_t i = 0; i < s->n_fds; i++)
		fds[i] = s->fds[i] < 0 ? null : s->fds[i];
	if (child_place_fds(fds, s->n_fds) < 0 ||
	    dup3(*report, s->n_fds, O_CLOEXEC) < 0)
		return -1;
	*report = s->n_fds;
	return syscall(SYS_close_range, s->n_fds + 1, ~0U, 0);
}

/* Once they have their numbers: the manager may have many more open. */
static int child_nofile(void)
{
	const struct rlimit nofile = { MAX_NOFILE, MAX_NOFILE };

	return setrlimit(RLIMIT_NOFILE, &nofile);
}

static int child_limits(void)
{
	const struct rlimit core = { 0, 0 };
	const struct rlimit fsize = { MAX_FSIZE, MAX_FSIZE };
	const struct rlimit memlock = { MAX_MEMLOCK, MAX_MEMLOCK };

	/* Locked memory is a wish: a container may not let us raise it. */
	setrlimit(RLIMIT_MEMLOCK, &memlock);
	if (setrlimit(RLIMIT_CORE, &core) < 0 ||
	    setrlimit(RLIMIT_FSIZE, &fsize) < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Raw calls: those of the C library stop the threads of the parent's copy. */
static int child_user(const struct account *user)
{
	/*
	 * The bounding set goes as far as we may drop it; without it
	 * no_new_privs already keeps capabilities away.
	 */
	for (int cap = 0; cap < 64; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0)
		return -1;
	return syscall(SYS_setresuid, user->uid, user->uid, user->uid);
}

static int child_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	if (signal(SIGPIPE, SIG_DFL) == SIG_ERR)
		return -1;
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

static void __attribute__((noreturn))
child_main(const struct spawn *s, pid_t parent, int report)
{
	static char *const no_env[] = { NULL };
	int cwd = s->cwd_fd, e;

	setsid();
	umask(077);
	if (!s->ahead && child_ends_with(parent) < 0)
		goto fail;
	if ((cwd >= 0 ? fchdir(cwd) : chdir("/")) < 0)
		goto fail;
	/*
	 * As the last thing with all rights, so that the cause is clear. A
	 * change of the user forgets whose end it is, so that is said twice.
	 */
	if (child_limits() < 0 || child_user(s->user) < 0 ||
	    (!s->ahead && child_ends_with(parent) < 0))
		goto fail;
	if (child_listen(s->listen_fd) < 0)
		goto fail;
	/* While the ruleset is still open. */
	if (s->sandbox && landlock_enter(&s->sandbox->view) < 0)
		goto fail;
	if (child_signals() < 0 || child_fds(s, &report) < 0 ||
	    child_nofile() < 0)
		goto fail;
	if (s->sandbox && filter_enter(&s->sandbox->filter) < 0)
		goto fail;
	execve(s->path, s->argv, no_env);
fail:
	e = errno;
	if (write(report, &e, sizeof(e)) < 0)
		_exit(126);
	_exit(127);
}

bool spawn_same_program(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int spawn_process(const struct spawn *s, struct process *out, struct error *err)
{
	_cleanup_close_ int rd = -1, wr = -1;
	struct process p = { .pidfd = -1 };
	pid_t parent = getpid();
	int pipefd[2], e = 0;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		goto fail;
	rd = pipefd[0];
	wr = pipefd[1];
	p.pid = fork();
	if (p.pid < 0)
		goto fail;
	if (!p.pid)
		child_main(s, parent, wr);
	close(TAKE_FD(wr));
	/* Nobody else reaps our children, so the number is still its own. */
	p.pidfd = syscall(SYS_pidfd_open, p.pid, 0);
	if (p.pidfd < 0) {
		e = errno;
		kill(p.pid, SIGKILL);
		waitpid(p.pid, NULL, 0);
		errno = e;
		goto fail;
	}
	/* End of file: the exec closed it. */
	if (read(rd, &e, sizeof(e)) == sizeof(e)) {
		process_kill(&p);
		process_close(&p);
		return error_set(err, -e, VTPM_ERR_INTERNAL,
				 "cannot start %s as user %s: %s", s->path,
				 s->user->name, strerror(e));
	}
	*out = p;
	return 0;
fail:
	return error_set(err, -errno, VTPM_ERR_INTERNAL, "cannot start %s: %s",
			 s->path, strerror(errno));
}

int process_wait(struct process *p, int timeout_ms, int *status)
{
	struct pollfd pfd = { .fd = p->pidfd, .events = POLLIN };
	siginfo_t info = { 0 };
	int r;

	do {
		r = poll(&pfd, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (!r)
		return -ETIMEDOUT;
	*status = -1;
	if (waitid(P_PIDFD, p->pidfd, &info, WEXITED | WNOHANG) < 0)
		return errno == ECHILD ? 0 : -errno;
	*status = info.si_code == CLD_EXITED ? info.si_status
					     : 128 + info.si_status;
	return 0;
}

void process_kill(struct process *p)
{
	int status;

	if (p->pidfd < 0)
		return;
	syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
	process_wait(p, 10000, &status);
}

void process_close(struct process *p)
{
	if (p->pidfd >= 0)
		close(p->pidfd);
	*p = (struct process){ .pidfd = -1 };
}
