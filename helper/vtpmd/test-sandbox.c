// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Filters and views, each entered in a child of this process. What a hostile
 * program gets at is provider-sandbox.sh's.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/testing/tree.h"
#include "vtpmd/sandbox.h"

static char dir[] = "/tmp/vtpm-sandbox-XXXXXX";

/* Run @fn with @s entered; its result, an errno or 0. */
static int within(const struct sandbox *s, int (*fn)(const void *arg),
		  const void *arg)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    landlock_enter(&s->view) < 0 ||
		    filter_enter(&s->filter) < 0)
			_exit(255);
		_exit(fn(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

struct socket_args {
	int family, type, protocol;
};

static int open_socket(const void *arg)
{
	const struct socket_args *a = arg;

	return socket(a->family, a->type, a->protocol) < 0 ? errno : 0;
}

static int open_file(const void *path)
{
	return open(path, O_RDONLY) < 0 ? errno : 0;
}

static int make_file(const void *path)
{
	return open(path, O_WRONLY | O_CREAT, 0600) < 0 ? errno : 0;
}

static int list_dir(const void *path)
{
	return open(path, O_RDONLY | O_DIRECTORY) < 0 ? errno : 0;
}

static int signal_parent(const void *arg)
{
	(void)arg;
	return kill(getppid(), 0) < 0 ? errno : 0;
}

static int end_by_abort(const void *arg)
{
	(void)arg;
	signal(SIGABRT, SIG_DFL);
	/* raise() is what abort() does. */
	return raise(SIGCONT) ? errno : 0;
}

static int unshare_mounts(const void *arg)
{
	(void)arg;
	/* CLONE_NEWUSER | CLONE_NEWNS */
	return syscall(SYS_unshare, 0x10020000) < 0 ? errno : 0;
}

static int clone_user(const void *arg)
{
	long pid = syscall(SYS_clone, 0x10000000 | SIGCHLD, 0, 0, 0, 0);

	(void)arg;
	if (!pid)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int make_process(const void *arg)
{
	pid_t pid = fork();

	(void)arg;
	if (!pid)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static void *thread(void *arg)
{
	return arg;
}

static int make_thread(const void *arg)
{
	pthread_t t;
	int r = pthread_create(&t, NULL, thread, NULL);

	(void)arg;
	return r ? r : pthread_join(t, NULL);
}

static void sockets(void **state)
{
	static const struct {
		struct socket_args args;
		int want[3]; /* by enum filter_sockets */
	} cases[] = {
#define NO EAFNOSUPPORT
		{ { AF_INET, SOCK_STREAM, 0 }, { NO, 0, 0 } },
		{ { AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 6 },
		  { NO, 0, 0 } },
		{ { AF_INET, SOCK_DGRAM, 17 }, { NO, 0, 0 } },
		{ { AF_UNIX, SOCK_STREAM, 0 }, { NO, NO, 0 } },
		{ { AF_NETLINK, SOCK_RAW, 0 }, { NO, NO, NO } },
		{ { AF_PACKET, SOCK_DGRAM, 0 }, { NO, NO, NO } },
		{ { AF_ALG, SOCK_SEQPACKET, 0 }, { NO, NO, NO } },
		{ { AF_VSOCK, SOCK_STREAM, 0 }, { NO, NO, NO } },
		{ { 64, SOCK_STREAM, 0 }, { NO, NO, NO } },
		{ { -1, SOCK_STREAM, 0 }, { NO, NO, NO } },
		{ { AF_INET, SOCK_RAW, 1 }, { NO, NO, -1 } },
		/* MPTCP, SCTP. */
		{ { AF_INET, SOCK_STREAM, 262 }, { NO, NO, -1 } },
		{ { AF_INET, SOCK_STREAM, 132 }, { NO, NO, -1 } },
	};

	(void)state;
	for (int kind = SOCKETS_NONE; kind <= SOCKETS_LOCAL_TOO; kind++) {
		struct sandbox s = { .view.fd = -1 };
		struct error err = { 0 };

		assert_int_equal(filter_new(kind, 1, &s.filter, &err), 0);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			/* -1: as the kernel likes. */
			if (cases[i].want[kind] >= 0)
				assert_int_equal(
					within(&s, open_socket, &cases[i].args),
					cases[i].want[kind]);
		}
		sandbox_free(&s);
	}
}

static void calls(void **state)
{
	for (int strict = 0; strict <= 1; strict++) {
		struct sandbox s = { .view.fd = -1 };
		struct error err = { 0 };

		(void)state;
		assert_int_equal(
			filter_new(SOCKETS_LOCAL_TOO, strict, &s.filter, &err),
			0);
		assert_int_equal(within(&s, unshare_mounts, NULL), EPERM);
		assert_int_equal(within(&s, clone_user, NULL), EPERM);
		assert_int_equal(within(&s, signal_parent, NULL),
				 strict ? EPERM : 0);
		assert_int_equal(within(&s, end_by_abort, NULL), 0);
		assert_int_equal(within(&s, make_thread, NULL), 0);
#ifdef __SANITIZE_ADDRESS__
		assert_int_equal(within(&s, make_process, NULL), 0);
#else
		assert_int_equal(within(&s, make_process, NULL),
				 strict ? EPERM : 0);
#endif
		sandbox_free(&s);
	}
}

static const char *in_dir(const char *name)
{
	static char path[8][64];
	static unsigned int n;
	char *p = path[n++ % 8];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static struct sandbox new_view(void)
{
	struct sandbox s = { 0 };
	struct error err = { 0 };

	assert_int_equal(landlock_new(false, &s.view), 0);
	assert_int_equal(filter_new(SOCKETS_LOCAL_TOO, 0, &s.filter, &err), 0);
	return s;
}

static void view(void **state)
{
	struct sandbox s;

	(void)state;
	if (!landlock_abi())
		skip();
	s = new_view();
	assert_int_equal(
		landlock_allow(&s.view, AT_FDCWD, in_dir("a"), LANDLOCK_READ),
		0);
	assert_int_equal(landlock_allow(&s.view, AT_FDCWD, in_dir("b"),
					LANDLOCK_READ | LANDLOCK_WRITE),
			 0);
	assert_int_equal(landlock_allow(&s.view, AT_FDCWD, in_dir("none"),
					LANDLOCK_READ),
			 0);
	assert_int_equal(within(&s, open_file, in_dir("a/file")), 0);
	assert_int_equal(within(&s, make_file, in_dir("a/new")), EACCES);
	assert_int_equal(within(&s, make_file, in_dir("b/new")), 0);
	assert_int_equal(within(&s, open_file, in_dir("hidden/file")), EACCES);
	/* By a link out of what may be seen. */
	assert_int_equal(within(&s, open_file, in_dir("a/link")), EACCES);
	assert_int_equal(within(&s, list_dir, dir), EACCES);
	sandbox_free(&s);
}

static void all_but(void **state)
{
	const char *hidden[] = { in_dir("hidden"), in_dir("b/deep/hidden") };
	struct sandbox s;

	(void)state;
	if (!landlock_abi())
		skip();
	s = new_view();
	assert_int_equal(landlock_allow_all_but(&s.view, hidden, 2), 0);
	assert_int_equal(within(&s, open_file, in_dir("a/file")), 0);
	assert_int_equal(within(&s, make_file, in_dir("a/other")), 0);
	/* Its name begins with that of a hidden one. */
	assert_int_equal(within(&s, open_file, in_dir("hidden2/file")), 0);
	assert_int_equal(within(&s, open_file, in_dir("hidden/file")), EACCES);
	assert_int_equal(within(&s, make_file, in_dir("hidden/new")), EACCES);
	assert_int_equal(within(&s, open_file, in_dir("a/link")), EACCES);
	assert_int_equal(within(&s, open_file, in_dir("b/deep/hidden/file")),
			 EACCES);
	assert_int_equal(within(&s, open_file, in_dir("b/deep/file")), 0);
	assert_int_equal(within(&s, list_dir, in_dir("b/deep")), EACCES);
	sandbox_free(&s);
}

static int set_up(void **state)
{
	static const char *const dirs[] = {
		"a", "b", "b/deep", "hidden", "hidden2", "b/deep/hidden"
	};

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		char path[96];

		if (mkdir(in_dir(dirs[i]), 0700) < 0)
			return -1;
		snprintf(path, sizeof(path), "%s/file", in_dir(dirs[i]));
		if (make_file(path))
			return -1;
	}
	return symlink("../hidden/file", in_dir("a/link")) |
	       make_file(in_dir("b/deep/file"));
}

static int tear_down(void **state)
{
	(void)state;
	return tree_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets),
		cmocka_unit_test(calls),
		cmocka_unit_test(view),
		cmocka_unit_test(all_but),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
