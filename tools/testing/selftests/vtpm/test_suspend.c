// SPDX-License-Identifier: GPL-2.0
/*
 * Suspend as far as the kernel's own test of it goes: all processes are frozen,
 * helpers and clients with commands in flight, and thawed. Needs
 * CONFIG_PM_DEBUG.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests.h"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* Commands one after the other, until one fails. */
static void client(int fd, atomic_uint *count)
{
	while (transact(fd) == 0)
		++*count;
	_exit(1);
}

int test_suspend(void)
{
	atomic_uint *count;
	unsigned int before;
	struct nl_in in;
	struct fake f;
	int fd, status;
	pid_t pid;

	if (write_file("/sys/power/pm_test", "freezer")) {
		what = "CONFIG_PM_DEBUG is not set";
		return TEST_SKIP;
	}
	write_file("/sys/module/suspend/parameters/pm_test_delay", "1");
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(count != MAP_FAILED);
	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-sleep", f.nl.port, 20000, 1000, &in));
	fd = open_node(&in);
	CHECK(fd >= 0);
	f.mode = FAKE_LATE; /* so that one is in flight at any time */
	pid = fork();
	if (!pid)
		client(fd, count);
	usleep(500000);
	CHECK(write_file("/sys/power/state", "freeze") == 0);
	before = *count;
	usleep(1500000);
	CHECK(before && *count > before);
	CHECK(waitpid(pid, &status, WNOHANG) == 0);
	CHECK(state_of(in.id) == VTPM_STATE_READY && f.shutdowns == 0);
	write_file("/sys/power/pm_test", "none");
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid);
	close(fd);
	CHECK(!destroy(in.id));
	fake_stop(&f);
	munmap(count, sizeof(*count));
	return 0;
}
