// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exactly once, whichever instruction is the last: an engine that executes a command
 * is stepped through it by ptrace(2). What a kill leaves is what is in its two files,
 * so whenever an instruction has changed one, a successor gets copies of them, and
 * the command again.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "engine/testing/engine.h"
#include "nvram/checkpoint-file.h"
#include "nvram/mapped.h"

#define INSTANCE 5
#define PCR 16
#define COUNTER 0x01800100
#define MAX_FILE (1 << 20)

/* One that the stepped engine writes, and what was in it when last looked. */
struct file {
	int fd, copy_fd; /* the copy is for the successor */
	const uint8_t *map;
	size_t len;
	uint8_t last[MAX_FILE];
};

static struct {
	struct file nvram, checkpoint;
	struct secret *key;
	struct engine e;
	uint64_t seq;
	uint8_t resp[ENGINE_MAX_COMMAND];
} t;

/* What of the TPM a command changes, as a client sees it. */
struct value {
	uint8_t data[TEST_DIGEST + 8];
};

static void run(const struct command *c)
{
	assert_int_equal(engine_run(&t.e, INSTANCE, ++t.seq, c, t.resp), 0);
}

static void extend(struct command *c)
{
	static const uint8_t digest[TEST_DIGEST] = { 0x21 };

	command_pcr_extend(c, PCR, digest);
}

/* Without a number: it is none of the kernel's commands. */
static struct value look(void)
{
	struct value v;
	struct command c;
	uint32_t len;
	const uint8_t *resp;

	command_pcr_read(&c, PCR);
	resp = tpm_execute(0, c.data, c.len, &len);
	assert_int_equal(response_code(resp, len), 0);
	memcpy(v.data, resp + 30, TEST_DIGEST);
	command_nv_read(&c, COUNTER, 8);
	resp = tpm_execute(0, c.data, c.len, &len);
	assert_int_equal(response_code(resp, len), 0);
	memcpy(v.data + TEST_DIGEST, resp + 16, 8);
	return v;
}

static bool same(const struct value *a, const struct value *b)
{
	return !memcmp(a->data, b->data, sizeof(a->data));
}

/* Has it changed since the last time? */
static bool changed(struct file *f)
{
	struct stat st;

	assert_int_equal(fstat(f->fd, &st), 0);
	assert_true(st.st_size <= MAX_FILE);
	if (f->len == (size_t)st.st_size && !memcmp(f->last, f->map, f->len))
		return false;
	f->len = st.st_size;
	memcpy(f->last, f->map, f->len);
	return true;
}

static void put(int fd, const uint8_t *data, size_t len)
{
	assert_int_equal(ftruncate(fd, len), 0);
	assert_int_equal(pwrite(fd, data, len, 0), len);
}

/* In a child: the next engine, and the command as the kernel delivers it again. */
static void succeed(const struct command *c, const struct value *before,
		    const struct value *after)
{
	const uint64_t seq = t.seq + 1;
	struct error err = { 0 };
	struct value v;
	bool done;

	tpm_power_off();
	checkpoint_file_close();
	nvram_close(t.e.nvram);
	memset(&t.e, 0, sizeof(t.e));
	pthread_mutex_init(&t.e.lock, NULL);
	t.e.name = "step";
	if (nvram_open(t.nvram.copy_fd, "step", t.key, &t.e.nvram, &err) ||
	    engine_resume(&t.e, t.key, t.checkpoint.copy_fd, &err)) {
		printf("# %s: %s\n", err.code, err.text);
		fflush(stdout);
		_exit(1);
	}
	done = t.e.last.seq == seq;
	v = look();
	if (!same(&v, done ? after : before))
		_exit(2);
	run(c);
	v = look();
	_exit(same(&v, after) && t.e.last.seq == seq ? 0 : 3);
}

static void expect_once(const struct command *c, unsigned long steps,
			const struct value *before, const struct value *after)
{
	int status;
	pid_t pid;

	put(t.nvram.copy_fd, t.nvram.last, t.nvram.len);
	put(t.checkpoint.copy_fd, t.checkpoint.last, t.checkpoint.len);
	pid = fork();
	if (!pid)
		succeed(c, before, after);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("killed after %lu instructions: status 0x%x", steps,
			 status);
}

/* In a process of its own, so that this one's TPM stays as it is. */
static struct value value_after(const struct command *c)
{
	struct value v;
	int pair[2], status;
	pid_t pid;

	assert_int_equal(pipe(pair), 0);
	pid = fork();
	if (!pid) {
		run(c);
		v = look();
		_exit(write(pair[1], &v, sizeof(v)) != sizeof(v));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(pair[0], &v, sizeof(v)), sizeof(v));
	close(pair[0]);
	close(pair[1]);
	return v;
}

/* Where a kill is after an instruction that changed a file, or before all. */
static void step_through(const struct command *c, const struct value *before,
			 const struct value *after, const char *what)
{
	unsigned long n = 0, images = 0;
	pid_t pid = fork();
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		run(c);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (; WIFSTOPPED(status); n++) {
		/* Not one or the other in its place. */
		bool new = changed(&t.nvram);

		if (changed(&t.checkpoint) || new || !n) {
			expect_once(c, n, before, after);
			images++;
		}
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	print_message("# %s: %lu instructions, %lu different files\n", what, n,
		      images);
	assert_true(images > 3);
}

/* The TPM here has not executed it then; the files are put back. */
static void expect_everywhere(const char *what, const struct command *c)
{
	const struct value before = look();
	struct value after;
	uint8_t *nvram, *checkpoint;
	size_t nvram_len, checkpoint_len;

	changed(&t.nvram);
	changed(&t.checkpoint);
	nvram_len = t.nvram.len;
	checkpoint_len = t.checkpoint.len;
	nvram = malloc(nvram_len);
	checkpoint = malloc(checkpoint_len);
	assert_non_null(nvram);
	assert_non_null(checkpoint);
	memcpy(nvram, t.nvram.last, nvram_len);
	memcpy(checkpoint, t.checkpoint.last, checkpoint_len);
	after = value_after(c);
	assert_false(same(&before, &after));
	put(t.nvram.fd, nvram, nvram_len);
	put(t.checkpoint.fd, checkpoint, checkpoint_len);
	step_through(c, &before, &after, what);
	put(t.nvram.fd, nvram, nvram_len);
	put(t.checkpoint.fd, checkpoint, checkpoint_len);
	free(nvram);
	free(checkpoint);
}

static uint64_t log_used(void)
{
	return ((const struct mapped_page *)t.checkpoint.map)->log_used;
}

static void test_log(void **state)
{
	struct command c;

	(void)state;
	extend(&c);
	expect_everywhere("PCR_Extend, noted", &c);
}

static void test_full_log(void **state)
{
	uint64_t entry = log_used(), used;
	struct command c;

	(void)state;
	extend(&c);
	run(&c);
	entry = log_used() - entry;
	/* Until there is no place for one more. */
	do {
		used = log_used();
		run(&c);
	} while (log_used() > used);
	while (log_used() + entry <= used)
		run(&c);
	expect_everywhere("PCR_Extend, with a state", &c);
}

static void test_commit(void **state)
{
	struct command c;

	(void)state;
	command_nv_increment(&c, COUNTER);
	expect_everywhere("NV_Increment", &c);
}

/* Two in turn write to both places of everything. */
static void test_commit_again(void **state)
{
	struct command c;

	(void)state;
	command_nv_increment(&c, COUNTER);
	run(&c);
	expect_everywhere("NV_Increment, to the other slot", &c);
}

/* The first command of an engine that has gone on from the checkpoint. */
static void test_new_session(void **state)
{
	struct checkpoint_stored c = { 0 };
	struct error err = { 0 };
	struct command cmd;
	uint8_t uuid[UUID_LEN];

	(void)state;
	extend(&cmd);
	run(&cmd);
	memcpy(uuid, nvram_get_info(t.e.nvram)->uuid, UUID_LEN);
	assert_int_equal(
		checkpoint_file_open(t.checkpoint.fd, uuid, t.key, &c, &err),
		0);
	checkpoint_stored_clear(&c);
	expect_everywhere("PCR_Extend, with a base", &cmd);
}

static int make_file(struct file *f, const char *name)
{
	f->fd = memfd_create(name, MFD_CLOEXEC);
	f->copy_fd = memfd_create(name, MFD_CLOEXEC);
	f->map = mmap(NULL, MAX_FILE, PROT_READ, MAP_SHARED, f->fd, 0);
	return f->fd < 0 || f->copy_fd < 0 || f->map == MAP_FAILED;
}

static int set_up(void **state)
{
	struct error err = { 0 };
	struct command c;

	(void)state;
	t.key = secret_random(NVRAM_KEY_LEN);
	if (make_file(&t.nvram, "nvram") ||
	    make_file(&t.checkpoint, "checkpoint"))
		return -1;
	t.e.name = "step";
	pthread_mutex_init(&t.e.lock, NULL);
	if (engine_new_file(t.nvram.fd, "step", t.key, &err) ||
	    nvram_open(t.nvram.fd, "step", t.key, &t.e.nvram, &err) ||
	    engine_power_on(&t.e, true, t.key, t.checkpoint.fd, &err))
		return -1;
	command_nv_define_counter(&c, COUNTER);
	run(&c);
	command_nv_increment(&c, COUNTER);
	run(&c);
	extend(&c);
	for (int i = 0; i < 3; i++)
		run(&c);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_full_log),
		cmocka_unit_test(test_commit),
		cmocka_unit_test(test_commit_again),
		cmocka_unit_test(test_new_session),
	};

	return cmocka_run_group_tests_name("step", tests, set_up, NULL);
}
