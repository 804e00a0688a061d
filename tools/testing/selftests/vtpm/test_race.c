// SPDX-License-Identifier: GPL-2.0
/* What happens at the same time: attaches, a destroy and clients, neighbours. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "tests.h"

#define NEIGHBOURS 10

struct attacher {
	pthread_barrier_t *go;
	uint32_t id;
	struct fake f;
	int rc;
};

static void *attach_thread(void *arg)
{
	struct attacher *a = arg;
	struct nl_msg m;
	struct nl_in in;
	struct nl mine;

	if (nl_open(&mine)) {
		a->rc = -EIO;
		pthread_barrier_wait(a->go);
		return NULL;
	}
	nl_begin(&mine, &m, VTPM_CMD_ATTACH, NLM_F_ACK);
	nl_put_u32(&m, VTPM_A_ID, a->id);
	nl_put_u32(&m, VTPM_A_PORT, a->f.nl.port);
	pthread_barrier_wait(a->go);
	a->rc = nl_call(&mine, &m, &in, 5000);
	nl_close(&mine);
	return NULL;
}

/* Two helpers at once for the same instance; its own has just gone. */
static int one_race(const struct nl_in *inst, int fd)
{
	struct attacher a[2] = { 0 };
	pthread_barrier_t go;
	pthread_t t[2];
	int i, winner;

	pthread_barrier_init(&go, NULL, 2);
	for (i = 0; i < 2; i++) {
		CHECK(!fake_start(&a[i].f, FAKE_ANSWER));
		a[i].go = &go;
		a[i].id = inst->id;
		CHECK(!pthread_create(&t[i], NULL, attach_thread, &a[i]));
	}
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&go);
	winner = a[0].rc ? 1 : 0;
	CHECK(a[winner].rc == 0 && a[!winner].rc == -EBUSY);
	CHECK(transact(fd) == 0);
	CHECK(a[winner].f.commands == 1 && a[!winner].f.commands == 0);
	for (i = 0; i < 2; i++)
		fake_stop(&a[i].f);
	return 0;
}

int test_attach_race(void)
{
	struct nl_in in;
	struct fake f;
	int fd, i, tries;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-race", f.nl.port, 5000, 20000, &in));
	fd = open_node(&in);
	CHECK(fd >= 0);
	fake_stop(&f);
	for (i = 0; i < 20; i++) {
		for (tries = 0; state_of(in.id) != VTPM_STATE_DETACHED;
		     tries++) {
			CHECK(tries < 100);
			usleep(10000);
		}
		CHECK(!one_race(&in, fd));
	}
	close(fd);
	CHECK(!destroy(in.id));
	return 0;
}

/* Both nodes are held open; they end with an error, the next TPM is another. */
int test_destroy_while_open(void)
{
	struct nl_in in, in2;
	struct fake f, g;
	char path[32];
	int fd, rm, fd2;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-open", f.nl.port, 5000, 1000, &in));
	fd = open_node(&in);
	snprintf(path, sizeof(path), "/dev/tpmrm%u", in.number);
	rm = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && rm >= 0 && transact(fd) == 0);
	CHECK(!destroy(in.id));
	fake_stop(&f);
	CHECK(access(path, F_OK) < 0);
	CHECK(transact(fd) == -EPIPE && transact(rm) == -EPIPE);
	/* The same name at once, with the old descriptors still open. */
	CHECK(!fake_start(&g, FAKE_ANSWER));
	CHECK(!create("st-open", g.nl.port, 5000, 1000, &in2));
	fd2 = open_node(&in2);
	CHECK(fd2 >= 0 && transact(fd2) == 0);
	CHECK(transact(fd) == -EPIPE && transact(rm) == -EPIPE);
	CHECK(in2.id != in.id);
	close(fd);
	close(rm);
	CHECK(transact(fd2) == 0);
	close(fd2);
	CHECK(!destroy(in2.id));
	fake_stop(&g);
	return 0;
}

/* Commands a second over all of @fd, one after the other; -1: one failed. */
static double rate(const int fd[NEIGHBOURS])
{
	double start = now(), end;
	unsigned int n = 0, i;

	do {
		for (i = 0; i < NEIGHBOURS; i++, n++) {
			if (transact(fd[i]))
				return -1;
		}
		end = now();
	} while (end - start < 1);
	return n / (end - start);
}

/*
 * Ten devices go on while the helper of another hangs with a client that
 * waits. Their rates are printed, and for a person to judge; that none of them
 * fails or waits for the hung one is the test.
 */
int test_hung_neighbour(void)
{
	struct fake f[NEIGHBOURS], hung;
	struct nl_in in[NEIGHBOURS], in_hung;
	int fd[NEIGHBOURS], i, fd_hung, status;
	double before, during, after;
	char name[16];
	pid_t pid;

	for (i = 0; i < NEIGHBOURS; i++) {
		snprintf(name, sizeof(name), "st-next-%d", i);
		CHECK(!fake_start(&f[i], FAKE_ANSWER));
		CHECK(!create(name, f[i].nl.port, 30000, 1000, &in[i]));
		fd[i] = open_node(&in[i]);
		CHECK(fd[i] >= 0);
	}
	CHECK(!fake_start(&hung, FAKE_ANSWER));
	CHECK(!create("st-hung", hung.nl.port, 60000, 1000, &in_hung));
	fd_hung = open_node(&in_hung);
	CHECK(fd_hung >= 0);
	before = rate(fd);
	hung.mode = FAKE_SILENT;
	pid = fork();
	if (!pid)
		_exit(transact(fd_hung) ? 1 : 0);
	usleep(100000);
	during = rate(fd);
	CHECK(before > 0 && during > 0);
	/* It has hung all the time. */
	CHECK(waitpid(pid, &status, WNOHANG) == 0);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid);
	after = rate(fd);
	CHECK(after > 0);
	printf("# %d devices, commands/s: %.0f, %.0f and %.0f\n", NEIGHBOURS,
	       before, during, after);
	printf("# ratio beside a helper that hangs: %.2f\n",
	       2 * during / (before + after));
	close(fd_hung);
	CHECK(!destroy(in_hung.id));
	fake_stop(&hung);
	for (i = 0; i < NEIGHBOURS; i++) {
		close(fd[i]);
		CHECK(!destroy(in[i].id));
		fake_stop(&f[i]);
	}
	return 0;
}
