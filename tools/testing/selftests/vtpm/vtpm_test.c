// SPDX-License-Identifier: GPL-2.0
/*
 * The module against a helper that lies, stalls and dies. TAP on standard
 * output; exit 0 all passed, 1 some failed, 4 the module is not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "tests.h"

struct nl nl;
const char *what;
int bad_line;

const uint8_t uuid[16] = { 1, 2, 3, 4 };

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

int create(const char *name, uint32_t port, uint32_t timeout_ms,
	   uint32_t grace_ms, struct nl_in *in)
{
	struct nl_msg m;

	nl_begin(&nl, &m, VTPM_CMD_CREATE, 0);
	nl_put_str(&m, VTPM_A_NAME, name);
	nl_put(&m, VTPM_A_UUID, uuid, sizeof(uuid));
	if (port)
		nl_put_u32(&m, VTPM_A_PORT, port);
	nl_put_u32(&m, VTPM_A_TIMEOUT_MS, timeout_ms);
	nl_put_u32(&m, VTPM_A_GRACE_MS, grace_ms);
	return nl_call(&nl, &m, in, 20000);
}

int by_id(int cmd, uint32_t id, uint32_t port, int reset, struct nl_in *in)
{
	return nl_call_id(&nl, cmd, id, port, reset, in);
}

int destroy(uint32_t id)
{
	struct nl_in in;

	return by_id(VTPM_CMD_DESTROY, id, 0, 0, &in);
}

int open_node(const struct nl_in *in)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/tpm%u", in->number);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* TPM2_GetRandom, as any command. */
long transact(int fd)
{
	static const uint8_t cmd[] = {
		0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8
	};
	uint8_t r[4096];

	if (write(fd, cmd, sizeof(cmd)) < 0)
		return -errno;
	if (read(fd, r, sizeof(r)) < 10)
		return -EIO;
	return (long)r[6] << 24 | r[7] << 16 | r[8] << 8 | r[9];
}

int state_of(uint32_t id)
{
	struct nl_in in;

	return by_id(VTPM_CMD_GET, id, 0, 0, &in) ? -1 : (int)in.state;
}

static int test_life(void)
{
	struct fake f;
	struct nl_in in, in2;
	struct stat st;
	int fd;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-life", f.nl.port, 5000, 1000, &in));
	CHECK(in.cmd == VTPM_CMD_CREATE && in.has_number &&
	      in.state == VTPM_STATE_READY && in.buffer_size == 4096);
	CHECK(!stat("/sys/devices/virtual/vtpm/st-life", &st));
	CHECK(create("st-life", f.nl.port, 5000, 1000, &in2) == -EEXIST);
	CHECK(strstr(in2.text, "name"));
	fd = open_node(&in);
	CHECK(fd >= 0 && transact(fd) == 0);
	close(fd);
	CHECK(!destroy(in.id) && f.shutdowns == 1);
	CHECK(stat("/sys/devices/virtual/vtpm/st-life", &st) < 0);
	CHECK(destroy(in.id) == -ENOENT);
	fake_stop(&f);
	return 0;
}

static int try_registration(int mode, int want, uint32_t timeout_ms)
{
	struct fake f;
	struct nl_in in;
	int r;

	CHECK(!fake_start(&f, mode));
	r = create("st-reg", f.nl.port, timeout_ms, 1000, &in);
	fake_stop(&f);
	if (r != want)
		printf("# got %d %s\n", r, in.text);
	CHECK(r == want && in.text[0]);
	/* Nothing is left behind. */
	CHECK(access("/sys/devices/virtual/vtpm/st-reg", F_OK) < 0);
	return 0;
}

static int test_registration_fails(void)
{
	struct nl_in in;

	CHECK(!try_registration(FAKE_ERROR, -EIO, 5000));
	CHECK(!try_registration(FAKE_SILENT, -ETIMEDOUT, 300));
	CHECK(!try_registration(FAKE_DIE, -EPIPE, 5000));
	/* What would make the TPM core look at what is not there. */
	CHECK(!try_registration(FAKE_BIG_PCRS, -ETIMEDOUT, 300));
	CHECK(!try_registration(FAKE_MANY_PCRS, -ETIMEDOUT, 300));
	/* A port that nobody has. */
	CHECK(create("st-reg", 0x7ffffff1, 5000, 1000, &in) == -EPIPE);
	return 0;
}

static int test_redelivery(void)
{
	struct fake f, g;
	struct nl_in in, in2;
	int fd, status;
	uint64_t seq;
	pid_t pid;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-again", f.nl.port, 5000, 5000, &in));
	fd = open_node(&in);
	CHECK(fd >= 0 && transact(fd) == 0);
	f.mode = FAKE_DIE;
	pid = fork();
	if (!pid) {
		nl_close(&f.nl); /* it must close for all */
		_exit(transact(fd) == 0 ? 0 : 1);
	}
	EVENTUALLY(state_of(in.id) == VTPM_STATE_DETACHED);
	seq = f.last_seq;
	fake_stop(&f);
	CHECK(!fake_start(&g, FAKE_ANSWER));
	CHECK(!by_id(VTPM_CMD_ATTACH, in.id, g.nl.port, 0, &in2));
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(g.last_seq == seq && g.commands == 1);
	CHECK(state_of(in.id) == VTPM_STATE_READY && in2.number == in.number);
	CHECK(transact(fd) == 0);
	CHECK(!by_id(VTPM_CMD_GET, in.id, 0, 0, &in2) &&
	      in2.stats[VTPM_A_STATS_REDELIVERIES] == 1);
	close(fd);
	CHECK(!destroy(in.id));
	fake_stop(&g);
	return 0;
}

static int test_grace_and_reset(void)
{
	struct fake f, g;
	struct nl_in in, in2;
	double t;
	int fd;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-grace", f.nl.port, 5000, 500, &in));
	fd = open_node(&in);
	f.mode = FAKE_DIE;
	t = now();
	/* TPM_RC_FAILURE, and the device stays. */
	CHECK(transact(fd) == 0x101);
	t = now() - t;
	CHECK(t > 0.4 && t < 4);
	CHECK(state_of(in.id) == VTPM_STATE_FAILED);
	CHECK(transact(fd) == 0x101);
	fake_stop(&f);
	CHECK(!fake_start(&g, FAKE_ANSWER));
	CHECK(by_id(VTPM_CMD_ATTACH, in.id, g.nl.port, 0, &in2) == -EUCLEAN);
	CHECK(!by_id(VTPM_CMD_ATTACH, in.id, g.nl.port, 1, &in2));
	CHECK(transact(fd) == 0);
	CHECK(!by_id(VTPM_CMD_FAIL, in.id, 0, 0, &in2));
	CHECK(transact(fd) == 0x101);
	close(fd);
	CHECK(!destroy(in.id));
	fake_stop(&g);
	return 0;
}

static int test_killed_client(void)
{
	unsigned int commands;
	struct fake f;
	struct nl_in in;
	double t;
	pid_t pid;
	int fd;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-kill", f.nl.port, 60000, 1000, &in));
	fd = open_node(&in);
	f.mode = FAKE_SILENT;
	commands = f.commands;
	pid = fork();
	if (!pid) {
		transact(fd);
		_exit(0);
	}
	EVENTUALLY(f.commands > commands);
	t = now();
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid && now() - t < 2);
	EVENTUALLY(f.cancels == 1);
	f.mode = FAKE_ANSWER;
	CHECK(transact(fd) == 0);
	close(fd);
	CHECK(!destroy(in.id));
	fake_stop(&f);
	return 0;
}

static int test_timeout_and_cancel(void)
{
	unsigned int commands;
	char path[64];
	struct fake f;
	struct nl_in in;
	double t;
	pid_t pid;
	int fd, cfd;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-time", f.nl.port, 700, 1000, &in));
	fd = open_node(&in);
	f.mode = FAKE_SILENT;
	t = now();
	CHECK(transact(fd) == -ETIME);
	CHECK(now() - t > 0.6 && now() - t < 4);
	EVENTUALLY(f.cancels == 1);
	/* As QEMU's passthrough does. */
	snprintf(path, sizeof(path), "/sys/class/tpm/tpm%u/device/cancel",
		 in.number);
	cfd = open(path, O_WRONLY);
	CHECK(cfd >= 0);
	commands = f.commands;
	pid = fork();
	if (!pid) {
		transact(fd);
		_exit(0);
	}
	EVENTUALLY(f.commands > commands);
	CHECK(write(cfd, "-", 1) == 1);
	EVENTUALLY(f.cancels == 2);
	waitpid(pid, NULL, 0);
	close(cfd);
	close(fd);
	f.mode = FAKE_ANSWER;
	CHECK(!destroy(in.id));
	fake_stop(&f);
	return 0;
}

static int test_destroy_while_waiting(void)
{
	unsigned int commands;
	struct fake f;
	struct nl_in in;
	int fd, status;
	double t;
	pid_t pid;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-busy", f.nl.port, 60000, 1000, &in));
	fd = open_node(&in);
	f.mode = FAKE_SILENT;
	commands = f.commands;
	pid = fork();
	if (!pid)
		_exit(transact(fd) < 0 ? 7 : 0);
	EVENTUALLY(f.commands > commands);
	t = now();
	/* A hung helper holds it up for the bounded time of TPM2_Shutdown. */
	CHECK(!destroy(in.id));
	CHECK(now() - t < 12);
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
	CHECK(transact(fd) < 0);
	close(fd);
	fake_stop(&f);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} tests[] = {
	{ "create, use, destroy; TPM2_Shutdown reaches the helper", test_life },
	{ "create refuses bad names and attributes", test_create_refused },
	{ "a registration that fails says why and leaves nothing",
	  test_registration_fails },
	{ "lies of the helper are refused, the right answer is taken",
	  test_lies },
	{ "answers from another socket are refused", test_wrong_socket },
	{ "the command in flight is delivered again with its number",
	  test_redelivery },
	{ "failed after the grace time, until a reset", test_grace_and_reset },
	{ "a killed client ends at once", test_killed_client },
	{ "timeout, and cancel by sysfs", test_timeout_and_cancel },
	{ "destroy with a client that waits and a helper that hangs",
	  test_destroy_while_waiting },
	{ "without CAP_SYS_ADMIN nothing is changed", test_privilege },
	{ "both nodes appear with their owner and mode", test_owner },
	{ "statistics count, by netlink and in sysfs", test_stats },
	{ "malformed messages change nothing", test_malformed },
	{ "every transition is an event", test_events },
	{ "an attribute that is missing, cut off, too long or nested is refused",
	  test_attributes },
	{ "of two attributes of a kind the last counts", test_duplicates },
	{ "of two helpers that attach at once one succeeds", test_attach_race },
	{ "destroy while both nodes are open", test_destroy_while_open },
	{ "a helper that hangs costs its own device only",
	  test_hung_neighbour },
	{ "processes freeze and thaw with a command in flight", test_suspend },
};

int main(void)
{
	unsigned int i, failed = 0, n = ARRAY_SIZE(tests);
	int r = nl_open(&nl);

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%u\n", n);
	if (r || geteuid()) {
		printf("# SKIP: %s\n",
		       geteuid() ? "needs root" : "vtpm.ko is not loaded");
		return 4;
	}
	for (i = 0; i < n; i++) {
		r = tests[i].run();
		if (r == TEST_SKIP) {
			printf("ok %u %s # SKIP %s\n", i + 1, tests[i].name,
			       what);
			continue;
		}
		failed += !!r;
		printf("%sok %u %s\n", r ? "not " : "", i + 1, tests[i].name);
		if (r)
			printf("# line %d: %s\n", bad_line, what);
	}
	return !!failed;
}
