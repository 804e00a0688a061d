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

#include "engine/engine.h"
#include "engine/testing/commands.h"
#include "nvram/internal.h"
#include "util/text.h"

#define INSTANCE 7
#define COUNTER 0x01800100
#define PCR 16
#define SESSION_PCR 10
#define STEPS 4 /* of a commit: two of a write, two of a sync */
#define MAX_RANDOM 4096

struct request {
	uint64_t seq;
	int die_at; /* which step of a commit to the vTPM's file, from 1 */
	struct command c;
};

/* The TPM's owner, as it believes the TPM to be. */
static struct {
	int nvram_fd, checkpoint_fd, sock;
	pid_t pid;
	uint64_t seq;
	unsigned int kills, kills_in_start, kills_in_commit;
	unsigned int seed;
	uint8_t pcr[TEST_DIGEST], session_pcr[TEST_DIGEST];
	uint64_t counter;
	struct session session;
	uint8_t random[MAX_RANDOM][TEST_DIGEST];
	unsigned int n_random;
	uint64_t usual_us;
} t;

static const uint8_t uuid[UUID_LEN] = { 1, 2, 3 };

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
	uint64_t end = now_us() + (max_us ? rand_r(&t.seed) % max_us : 0);

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
static uint32_t transact(const struct command *c, bool may_kill, uint8_t *resp)
{
	uint64_t begun;
	ssize_t n;

	t.seq++;
	if (may_kill && rand_r(&t.seed) % 4 == 0) {
		send_request(c, 1 + rand_r(&t.seed) % STEPS);
		/* Unless it has no such step. */
		n = recv(t.sock, resp, ENGINE_MAX_COMMAND, 0);
		if (n > 0)
			return n;
		kill_engine();
		t.kills_in_commit++;
		start_engine(false, true);
	}
	send_request(c, 0);
	while (may_kill && rand_r(&t.seed) % 3 == 0) {
		kill_within(2 * t.usual_us);
		/* In one of four while it starts, before there is a command. */
		if (rand_r(&t.seed) % 4 == 0) {
			kill_within(8000);
			t.kills_in_start++;
		}
		send_request(c, 0);
	}
	begun = now_us();
	n = recv(t.sock, resp, ENGINE_MAX_COMMAND, 0);
	assert_true(n >= 10);
	if (!may_kill && t.seq > 4)
		t.usual_us += (now_us() - begun) / 8 - t.usual_us / 8;
	return n;
}

static uint32_t transact_ok(const struct command *c, bool may_kill,
			    uint8_t *resp)
{
	uint32_t len = transact(c, may_kill, resp);

	assert_int_equal(response_code(resp, len), 0);
	return len;
}

static void digest_of_number(uint8_t digest[TEST_DIGEST])
{
	memset(digest, 0, TEST_DIGEST);
	memcpy(digest, &t.seq, sizeof(t.seq));
}

static void extend(bool may_kill)
{
	uint8_t digest[TEST_DIGEST], resp[ENGINE_MAX_COMMAND];
	struct command c;

	digest_of_number(digest);
	command_pcr_extend(&c, PCR, digest);
	transact_ok(&c, may_kill, resp);
	pcr_extend(t.pcr, digest);
}

static void extend_in_session(bool may_kill)
{
	uint8_t digest[TEST_DIGEST], resp[ENGINE_MAX_COMMAND];
	struct command c;
	uint32_t len;

	digest_of_number(digest);
	command_session_extend(&c, &t.session, SESSION_PCR, digest);
	len = transact_ok(&c, may_kill, resp);
	assert_int_equal(session_used(&t.session, resp, len, 0x182), 0);
	pcr_extend(t.session_pcr, digest);
}

static void increment(bool may_kill)
{
	uint8_t resp[ENGINE_MAX_COMMAND];
	struct command c;

	command_nv_increment(&c, COUNTER);
	transact_ok(&c, may_kill, resp);
	t.counter++;
}

static uint64_t read_counter(void)
{
	uint8_t resp[ENGINE_MAX_COMMAND];
	uint64_t v = 0;
	struct command c;
	uint32_t len;

	command_nv_read(&c, COUNTER, 8);
	len = transact_ok(&c, false, resp);
	assert_true(len >= 24);
	for (int i = 0; i < 8; i++)
		v = v << 8 | resp[16 + i];
	return v;
}

static void get_random(bool may_kill)
{
	uint8_t resp[ENGINE_MAX_COMMAND];
	struct command c;

	command_get_random(&c, TEST_DIGEST);
	assert_int_equal(transact_ok(&c, may_kill, resp), 12 + TEST_DIGEST);
	for (unsigned int i = 0; i < t.n_random; i++)
		assert_memory_not_equal(t.random[i], resp + 12, TEST_DIGEST);
	if (t.n_random < MAX_RANDOM)
		memcpy(t.random[t.n_random++], resp + 12, TEST_DIGEST);
}

static void expect_pcr(unsigned int pcr, const uint8_t value[TEST_DIGEST],
		       bool may_kill)
{
	uint8_t resp[ENGINE_MAX_COMMAND];
	struct command c;
	uint32_t len;

	command_pcr_read(&c, pcr);
	len = transact_ok(&c, may_kill, resp);
	assert_memory_equal(resp + len - TEST_DIGEST, value, TEST_DIGEST);
}

static void some_command(bool may_kill)
{
	switch (rand_r(&t.seed) % 6) {
	case 0:
		increment(may_kill);
		break;
	case 1:
		get_random(may_kill);
		break;
	case 2:
		expect_pcr(PCR, t.pcr, may_kill);
		break;
	case 3:
		extend_in_session(may_kill);
		break;
	default:
		extend(may_kill);
	}
}

static void begin(void)
{
	uint8_t resp[ENGINE_MAX_COMMAND];
	struct command c;
	uint32_t len;

	start_engine(true, false);
	command_nv_define_counter(&c, COUNTER);
	transact_ok(&c, false, resp);
	increment(false);
	/* A counter begins above those that were there before. */
	t.counter = read_counter();
	command_start_session(&c, &t.session);
	len = transact_ok(&c, false, resp);
	assert_int_equal(session_started(&t.session, resp, len), 0);
	for (int i = 0; i < 200; i++)
		some_command(false);
}

static uint32_t number(const char *variable, uint32_t otherwise)
{
	const char *text = getenv(variable);
	uint32_t n = otherwise;

	if (text)
		assert_int_equal(number_parse(text, 1, UINT32_MAX, &n), 0);
	return n;
}

static void test_kills(void **state)
{
	unsigned int wanted = number("KILLS", 300);

	(void)state;
	t.seed = number("SEED", time(NULL));
	print_message("# seed %u\n", t.seed);
	begin();
	while (t.kills < wanted) {
		some_command(true);
		/* What one takes, for the instants of the next kills. */
		if (t.seq % 20 == 0)
			some_command(false);
	}
	expect_pcr(PCR, t.pcr, false);
	expect_pcr(SESSION_PCR, t.session_pcr, false);
	assert_int_equal(read_counter(), t.counter);
	extend_in_session(false);
	print_message(
		"# %u kills, %u of them in a start, %u in a commit; %llu commands, usually %llu us\n",
		t.kills, t.kills_in_start, t.kills_in_commit,
		(unsigned long long)t.seq, (unsigned long long)t.usual_us);
	/* And all that was answered is on disk, whatever the checkpoint has. */
	kill_engine();
	start_engine(false, false);
	t.seq = 0;
	assert_int_equal(read_counter(), t.counter);
	kill_engine();
}

static int set_up(void **state)
{
	const struct nvram_info info = {
		.name = "test",
		.n_wraps = 1,
		.wrap = { { .provider = "p", .key_id = "k", .len = 1 } }
	};
	struct nvram_info with_uuid = info;
	_cleanup_(secret) struct secret *key = test_key();
	struct error err = { 0 };

	(void)state;
	memcpy(with_uuid.uuid, uuid, sizeof(uuid));
	t.nvram_fd = memfd_create("nvram", MFD_CLOEXEC);
	t.checkpoint_fd = memfd_create("checkpoint", MFD_CLOEXEC);
	return nvram_create(t.nvram_fd, "test", &with_uuid, key, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_kills, set_up),
	};

	return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
