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

#include "fake.h"
#include "nl.h"

static struct nl nl;
static const char *what; /* of the check that failed, with its line */
static int bad_line;

#define CHECK(cond)                          \
	do {                                 \
		if (!(cond)) {               \
			what = #cond;        \
			bad_line = __LINE__; \
			return 1;            \
		}                            \
	} while (0)

static const uint8_t uuid[16] = { 1, 2, 3, 4 };

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int create(const char *name, uint32_t port, uint32_t timeout_ms,
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

static int by_id(int cmd, uint32_t id, uint32_t port, int reset,
		 struct nl_in *in)
{
	struct nl_msg m;

	nl_begin(&nl, &m, cmd, NLM_F_ACK);
	nl_put_u32(&m, VTPM_A_ID, id);
	if (port)
		nl_put_u32(&m, VTPM_A_PORT, port);
	if (reset)
		nl_put(&m, VTPM_A_RESET, NULL, 0);
	return nl_call(&nl, &m, in, 20000);
}

static int destroy(uint32_t id)
{
	struct nl_in in;

	return by_id(VTPM_CMD_DESTROY, id, 0, 0, &in);
}

static int open_node(const struct nl_in *in)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/tpm%u", in->number);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* TPM2_GetRandom as any command; the response code, or negative errno. */
static long transact(int fd)
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

static int state_of(uint32_t id)
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

static int test_create_refused(void)
{
	static const char *const names[] = { "",    ".x",  "-x",       "a/b",
					     "a b", "a\n", "\xc3\xa4", "../x" };
	char longer[80];
	struct nl_in in;
	struct nl_msg m;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		CHECK(create(names[i], 0, 5000, 1000, &in) == -EINVAL &&
		      in.text[0]);
	memset(longer, 'a', sizeof(longer));
	longer[64] = 0;
	CHECK(create(longer, 0, 5000, 1000, &in) == -EINVAL);
	longer[63] = 0;
	CHECK(!create(longer, 0, 5000, 1000, &in) &&
	      in.state == VTPM_STATE_NEW && !in.has_number);
	CHECK(!destroy(in.id));
	CHECK(create("st-x", 0, 1, 1000, &in) == -ERANGE);
	/* Missing, unknown, wrongly sized attributes. */
	nl_begin(&nl, &m, VTPM_CMD_CREATE, 0);
	nl_put_str(&m, VTPM_A_NAME, "st-x");
	CHECK(nl_call(&nl, &m, &in, 1000) == -EINVAL &&
	      strstr(in.text, "uuid"));
	nl_put(&m, VTPM_A_UUID, uuid, 15);
	CHECK(nl_call(&nl, &m, &in, 1000) == -ERANGE || in.error == -EINVAL);
	nl_begin(&nl, &m, VTPM_CMD_CREATE, 0);
	nl_put_str(&m, VTPM_A_NAME, "st-x");
	nl_put(&m, VTPM_A_UUID, uuid, 16);
	nl_put_u32(&m, 77, 1);
	CHECK(nl_call(&nl, &m, &in, 1000) == -EINVAL);
	nl_begin(&nl, &m, 55, 0);
	CHECK(nl_call(&nl, &m, &in, 1000) == -EOPNOTSUPP);
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
	/* A port that nobody has. */
	CHECK(create("st-reg", 0x7ffffff1, 5000, 1000, &in) == -EPIPE);
	return 0;
}

static int test_lies(void)
{
	static const struct {
		int mode;
		unsigned int refused;
	} lies[] = {
		{ FAKE_TWICE, 1 },	{ FAKE_WRONG_SEQ, 2 },
		{ FAKE_TOO_SHORT, 2 },	{ FAKE_TOO_LONG, 1 },
		{ FAKE_WRONG_SIZE, 1 }, { FAKE_WRONG_TAG, 1 },
		{ FAKE_LATE, 0 },
	};
	struct fake f;
	struct nl_in in;
	unsigned int i, before;
	int fd;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-lies", f.nl.port, 5000, 1000, &in));
	fd = open_node(&in);
	CHECK(fd >= 0);
	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		before = f.refused;
		f.mode = lies[i].mode;
		CHECK(transact(fd) == 0);
		f.mode = FAKE_ANSWER;
		usleep(100000);
		if (f.refused - before != lies[i].refused)
			printf("# mode %d: %u refused: %s\n", lies[i].mode,
			       f.refused - before, f.last_refusal);
		CHECK(f.refused - before == lies[i].refused);
	}
	close(fd);
	CHECK(!destroy(in.id));
	fake_stop(&f);
	return 0;
}

static int test_wrong_socket(void)
{
	uint8_t resp[10] = { 0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0 };
	struct nl other;
	struct fake f;
	struct nl_in in, in2;
	struct nl_msg m;
	uint64_t seq;
	int fd;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-sock", f.nl.port, 2000, 1000, &in));
	CHECK(!nl_open(&other));
	fd = open_node(&in);
	f.mode = FAKE_LATE;
	seq = f.last_seq + 1;
	if (!fork()) {
		transact(fd);
		_exit(0);
	}
	usleep(100000);
	nl_begin(&other, &m, VTPM_CMD_RESPONSE, NLM_F_ACK);
	nl_put_u32(&m, VTPM_A_ID, in.id);
	nl_put(&m, VTPM_A_SEQ, &seq, sizeof(seq));
	nl_put(&m, VTPM_A_PAYLOAD, resp, sizeof(resp));
	CHECK(nl_call(&other, &m, &in2, 1000) == -EPERM && in2.text[0]);
	wait(NULL);
	nl_begin(&nl, &m, VTPM_CMD_ATTACH, 0);
	nl_put_u32(&m, VTPM_A_ID, in.id);
	nl_put_u32(&m, VTPM_A_PORT, 0);
	CHECK(nl_call(&nl, &m, &in2, 1000) == -EINVAL && in2.text[0]);
	/* One socket, one instance; one instance, one socket. */
	CHECK(create("st-sock2", f.nl.port, 2000, 1000, &in2) == -EBUSY);
	CHECK(by_id(VTPM_CMD_ATTACH, in.id, other.port, 0, &in2) == -EBUSY);
	nl_close(&other);
	close(fd);
	CHECK(!destroy(in.id));
	fake_stop(&f);
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
	usleep(200000);
	CHECK(state_of(in.id) == VTPM_STATE_DETACHED);
	seq = f.last_seq;
	fake_stop(&f);
	CHECK(!fake_start(&g, FAKE_ANSWER));
	CHECK(!by_id(VTPM_CMD_ATTACH, in.id, g.nl.port, 0, &in2));
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(g.last_seq == seq && g.commands == 1);
	CHECK(state_of(in.id) == VTPM_STATE_READY && in2.number == in.number);
	CHECK(transact(fd) == 0);
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
	struct fake f;
	struct nl_in in;
	double t;
	pid_t pid;
	int fd;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-kill", f.nl.port, 60000, 1000, &in));
	fd = open_node(&in);
	f.mode = FAKE_SILENT;
	pid = fork();
	if (!pid) {
		transact(fd);
		_exit(0);
	}
	usleep(200000);
	t = now();
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid && now() - t < 2);
	usleep(200000);
	CHECK(f.cancels == 1);
	f.mode = FAKE_ANSWER;
	CHECK(transact(fd) == 0);
	close(fd);
	CHECK(!destroy(in.id));
	fake_stop(&f);
	return 0;
}

static int test_timeout_and_cancel(void)
{
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
	usleep(100000);
	CHECK(f.cancels == 1);
	/* As QEMU's passthrough does. */
	snprintf(path, sizeof(path), "/sys/class/tpm/tpm%u/device/cancel",
		 in.number);
	cfd = open(path, O_WRONLY);
	CHECK(cfd >= 0);
	pid = fork();
	if (!pid) {
		transact(fd);
		_exit(0);
	}
	usleep(200000);
	CHECK(write(cfd, "-", 1) == 1);
	usleep(200000);
	CHECK(f.cancels == 2);
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
	struct fake f;
	struct nl_in in;
	int fd, status;
	double t;
	pid_t pid;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-busy", f.nl.port, 60000, 1000, &in));
	fd = open_node(&in);
	f.mode = FAKE_SILENT;
	pid = fork();
	if (!pid)
		_exit(transact(fd) < 0 ? 7 : 0);
	usleep(200000);
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

static int test_privilege(void)
{
	struct nl_in in;
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct nl_msg m;
		struct nl mine;

		if (setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534) || nl_open(&mine))
			_exit(2);
		nl_begin(&mine, &m, VTPM_CMD_CREATE, 0);
		nl_put_str(&m, VTPM_A_NAME, "st-priv");
		nl_put(&m, VTPM_A_UUID, uuid, 16);
		if (nl_call(&mine, &m, &in, 1000) != -EPERM)
			_exit(3);
		nl_begin(&mine, &m, VTPM_CMD_DESTROY, 0);
		nl_put_u32(&m, VTPM_A_ID, 1);
		if (nl_call(&mine, &m, &in, 1000) != -EPERM)
			_exit(4);
		nl_begin(&mine, &m, VTPM_CMD_ATTACH, 0);
		nl_put_u32(&m, VTPM_A_ID, 1);
		if (nl_call(&mine, &m, &in, 1000) != -EPERM)
			_exit(5);
		nl_begin(&mine, &m, VTPM_CMD_FAIL, 0);
		nl_put_u32(&m, VTPM_A_ID, 1);
		_exit(nl_call(&mine, &m, &in, 1000) == -EPERM ? 0 : 6);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 0);
	return 0;
}

/* Messages that are cut off, nested wrongly, or longer than they may be. */
static int test_malformed(void)
{
	static uint8_t big[6000];
	struct fake f;
	struct nl_in in, in2;
	struct nl_msg m;
	struct nlattr *last;
	uint64_t seq = 1;
	unsigned int len;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-bad", f.nl.port, 5000, 1000, &in));
	/* No genetlink header; then half of an attribute; then none at all. */
	nl_begin(&nl, &m, VTPM_CMD_GET, 0);
	m.len = NLMSG_HDRLEN + 1;
	CHECK(nl_call(&nl, &m, &in2, 1000) == -EINVAL);
	for (len = 1; len < 8; len++) {
		nl_begin(&nl, &m, VTPM_CMD_DESTROY, 0);
		nl_put_u32(&m, VTPM_A_ID, in.id);
		m.len -= len;
		CHECK(nl_call(&nl, &m, &in2, 1000) == -EINVAL);
	}
	nl_begin(&nl, &m, VTPM_CMD_DESTROY, NLM_F_ACK);
	CHECK(nl_call(&nl, &m, &in2, 1000) == -EINVAL &&
	      strstr(in2.text, "id"));
	/* An attribute that claims to be longer than the message. */
	nl_begin(&nl, &m, VTPM_CMD_DESTROY, 0);
	last = (void *)(m.buf + m.len);
	nl_put_u32(&m, VTPM_A_ID, in.id);
	last->nla_len = 4096;
	CHECK(nl_call(&nl, &m, &in2, 1000) == -EINVAL);
	/* A response that no TPM could give. */
	memset(big, 0x80, sizeof(big));
	nl_begin(&nl, &m, VTPM_CMD_RESPONSE, NLM_F_ACK);
	nl_put_u32(&m, VTPM_A_ID, in.id);
	nl_put(&m, VTPM_A_SEQ, &seq, sizeof(seq));
	nl_put(&m, VTPM_A_PAYLOAD, big, sizeof(big));
	CHECK(nl_call(&nl, &m, &in2, 1000) == -EPERM);
	CHECK(state_of(in.id) == VTPM_STATE_READY);
	CHECK(!destroy(in.id));
	fake_stop(&f);
	return 0;
}

static int test_events(void)
{
	static const uint8_t want[][2] = {
		{ VTPM_STATE_NEW, VTPM_STATE_REGISTERING },
		{ VTPM_STATE_REGISTERING, VTPM_STATE_READY },
		{ VTPM_STATE_READY, VTPM_STATE_DETACHED },
		{ VTPM_STATE_DETACHED, VTPM_STATE_GONE },
	};
	struct nl listener;
	struct fake f;
	struct nl_in in, ev;
	unsigned int i;

	CHECK(!nl_open(&listener));
	CHECK(!setsockopt(listener.fd, 270, 1, &listener.events, 4));
	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-event", f.nl.port, 5000, 5000, &in));
	fake_stop(&f);
	usleep(100000);
	CHECK(!destroy(in.id));
	for (i = 0; i < 4; i++) {
		CHECK(!nl_recv(&listener, &ev, 1000));
		CHECK(ev.cmd == VTPM_CMD_STATE_NTF && ev.id == in.id &&
		      !strcmp(ev.name, "st-event") &&
		      ev.old_state == want[i][0] && ev.state == want[i][1]);
	}
	nl_close(&listener);
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
	{ "malformed messages change nothing", test_malformed },
	{ "every transition is an event", test_events },
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
		failed += !!r;
		printf("%sok %u %s\n", r ? "not " : "", i + 1, tests[i].name);
		if (r)
			printf("# line %d: %s\n", bad_line, what);
	}
	return !!failed;
}
