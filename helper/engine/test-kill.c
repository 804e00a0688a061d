// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exactly once: an engine is killed at random instants, also while it takes
 * over, and its successor gets the command in flight again, as the kernel does
 * it. Every answer, PCR, counter and session has to be what it would be if no
 * one had been killed. KILLS=300 and SEED=time in the environment.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "engine/testing/engine.h"
#include "engine/testing/owner.h"
#include "nvram/internal.h"
#include "util/text.h"

#define INSTANCE 7
#define STEPS 4 /* of a commit: two of a write, two of a sync */

struct request {
	uint64_t seq;
	int die_at; /* which step of a commit to the vTPM's file, from 1 */
	struct command c;
};

static struct {
	int nvram_fd, checkpoint_fd, sock;
	pid_t pid;
	uint64_t seq;
	bool may_kill;
	unsigned int kills, kills_in_start, kills_in_commit;
	uint64_t usual_us;
	struct owner owner;
} t;

static struct secret *test_key(void)
{
	struct secret *key = secret_new(NVRAM_KEY_LEN);

	memset(key->data, 0x5a, key->len);
	return key;
}

/* In the engine: die before and after each write and sync of the file. */
static int die_at;

static void step(void)
{
	if (die_at && !--die_at)
		kill(getpid(), SIGKILL);
}

static int dying_write(int fd, const void *buf, size_t len, off_t off)
{
	int r;

	step();
	r = nvram_system_ops.write(fd, buf, len, off);
	step();
	return r;
}

static int dying_sync(int fd)
{
	int r;

	step();
	r = nvram_system_ops.sync(fd);
	step();
	return r;
}

static void __attribute__((noreturn))
serve(int sock, bool manufacture, bool resume)
{
	struct engine e = { .name = "test", .lock = PTHREAD_MUTEX_INITIALIZER };
	_cleanup_(secret) struct secret *key = test_key();
	struct nvram_ops dying_ops = nvram_system_ops;
	struct error err = { 0 };
	struct request rq;
	uint8_t resp[ENGINE_MAX_COMMAND];
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = nvram_open(t.nvram_fd, "test", key, &e.nvram, &err);
	if (!r)
		r = resume ? engine_resume(&e, key, t.checkpoint_fd, &err)
			   : engine_power_on(&e, manufacture, key,
					     t.checkpoint_fd, &err);
	if (r) {
		fprintf(stderr, "# %s: %s\n", err.code, err.text);
		_exit(1);
	}
	dying_ops.write = dying_write;
	dying_ops.sync = dying_sync;
	e.nvram->ops = &dying_ops;
	while (recv(sock, &rq, sizeof(rq), 0) == sizeof(rq)) {
		const struct engine_command c = { .instance = INSTANCE,
						  .seq = rq.seq,
						  .data = rq.c.data,
						  .len = rq.c.len };
		uint32_t len;

		die_at = rq.die_at;
		len = engine_execute(&e, &c, resp);
		die_at = 0;

		if (send(sock, resp, len, 0) != len)
			break;
	}
	_exit(0);
}

static void start_engine(bool manufacture, bool resume)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	t.pid = fork();
	assert_true(t.pid >= 0);
	if (!t.pid) {
		close(pair[0]);
		serve(pair[1], manufacture, resume);
	}
	close(pair[1]);
	t.sock = pair[0];
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

static void kill_engine(void)
{
	int status;

	kill(t.pid, SIGKILL);
	assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
	/* Not: it had given up by itself. */
	assert_true(WIFSIGNALED(status));
	close(t.sock);
	t.kills++;
}

/* Kill it within @max_us from now, to the microsecond, and start another. */
static void kill_within(uint64_t max_us)
{
	uint64_t end = now_us() + (max_us ? rand_r(&t.owner.seed) % max_us : 0);

	while (now_us() < end)
		;
	kill_engine();
	start_engine(false, true);
}

static void send_request(const struct command *c, int step)
{
	const struct request rq = { .seq = t.seq, .c = *c, .die_at = step };

	assert_int_equal(send(t.sock, &rq, sizeof(rq), 0), sizeof(rq));
}

/* As a client does; the engine may die on the way, once or several times. */
static int transact(struct owner *o, const struct command *c,
		    uint8_t resp[OWNER_RESPONSE])
{
	uint64_t begun;
	ssize_t n;

	(void)o;
	t.seq++;
	if (t.may_kill && rand_r(&t.owner.seed) % 4 == 0) {
		send_request(c, 1 + rand_r(&t.owner.seed) % STEPS);
		/* Unless it has no such step. */
		n = recv(t.sock, resp, ENGINE_MAX_COMMAND, 0);
		if (n > 0)
			return n;
		kill_engine();
		t.kills_in_commit++;
		start_engine(false, true);
	}
	send_request(c, 0);
	while (t.may_kill && rand_r(&t.owner.seed) % 3 == 0) {
		kill_within(2 * t.usual_us);
		/* In one of four while it starts, before there is a command. */
		if (rand_r(&t.owner.seed) % 4 == 0) {
			kill_within(8000);
			t.kills_in_start++;
		}
		send_request(c, 0);
	}
	begun = now_us();
	n = recv(t.sock, resp, ENGINE_MAX_COMMAND, 0);
	assert_true(n >= 10);
	if (!t.may_kill && t.seq > 4)
		t.usual_us += (now_us() - begun) / 8 - t.usual_us / 8;
	return n;
}

static uint32_t number(const char *variable, uint32_t otherwise)
{
	const char *text = getenv(variable);
	uint32_t n = otherwise;

	if (text)
		assert_int_equal(number_parse(text, 1, UINT32_MAX, &n), 0);
	return n;
}

static void ok(int r)
{
	if (r)
		fail_msg("%s", t.owner.wrong);
}

static void begin(void)
{
	t.owner.transact = transact;
	start_engine(true, false);
	ok(owner_begin(&t.owner));
	for (int i = 0; i < 200; i++)
		ok(owner_step(&t.owner));
}

static void test_kills(void **state)
{
	unsigned int wanted = number("KILLS", 300);

	(void)state;
	t.owner.seed = number("SEED", time(NULL));
	print_message("# seed %u\n", t.owner.seed);
	begin();
	while (t.kills < wanted) {
		/* What one takes, for the instants of the next kills. */
		t.may_kill = t.seq % 20;
		ok(owner_step(&t.owner));
	}
	t.may_kill = false;
	ok(owner_verify(&t.owner));
	print_message(
		"# %u kills, %u of them in a start, %u in a commit; %llu commands, usually %llu us\n",
		t.kills, t.kills_in_start, t.kills_in_commit,
		(unsigned long long)t.seq, (unsigned long long)t.usual_us);
	/* And all that was answered is on disk, whatever the checkpoint has. */
	kill_engine();
	start_engine(false, false);
	t.seq = 0;
	ok(owner_verify_counter(&t.owner));
	kill_engine();
}

static int set_up(void **state)
{
	_cleanup_(secret) struct secret *key = test_key();
	struct error err = { 0 };

	(void)state;
	t.nvram_fd = memfd_create("nvram", MFD_CLOEXEC);
	t.checkpoint_fd = memfd_create("checkpoint", MFD_CLOEXEC);
	return engine_new_file(t.nvram_fd, "test", key, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_kills, set_up),
	};

	return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
