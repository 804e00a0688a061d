// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Engines of the zygote, with the vtpm-engine that was built beside this test:
 * whose children they are, what they share and what they must not share, and
 * that they live on whatever dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "nvram/store.h"
#include "util/log.h"
#include "vtpmd/engine.h"
#include "vtpmd/zygote.h"

static struct {
	char dir[32], program[PATH_MAX];
	struct config cfg;
	struct account user;
	struct zygote *z;
} t = { .dir = "/tmp/vtpm-test-zygote.XXXXXX" };

/* One vTPM, and what its engine is handed. */
struct machine {
	const char *name;
	struct process process;
	int sock, nvram, checkpoint, netlink, log[2];
};

static int control_socket(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", t.dir, name);
	assert_int_equal(bind(fd, (void *)&addr, sizeof(addr)), 0);
	return fd;
}

static struct secret *test_key(uint8_t fill)
{
	struct secret *key = secret_new(NVRAM_KEY_LEN);

	memset(key->data, fill, key->len);
	return key;
}

static void new_file(struct machine *m)
{
	const struct nvram_info info = {
		.name = "test",
		.n_wraps = 1,
		.wrap = { { .provider = "p", .key_id = "k", .len = 1 } }
	};
	_cleanup_(secret) struct secret *key = test_key(1);
	struct error err = { 0 };

	m->nvram = memfd_create("nvram", MFD_CLOEXEC);
	m->checkpoint = memfd_create("checkpoint", MFD_CLOEXEC);
	assert_int_equal(nvram_create(m->nvram, "test", &info, key, &err), 0);
}

/* A new TPM on an engine of its own. */
static void start(struct machine *m, const char *name, uint8_t key_fill)
{
	char *argv[] = {
		"vtpm-engine", "--name",	  (char *)name, "--nvram-fd",
		"3",	       "--key-fd",	  "4",		"--control-fd",
		"5",	       "--netlink-fd",	  "6",		"--family",
		"20",	       "--checkpoint-fd", "7",		"--manufacture",
		NULL
	};
	_cleanup_(secret) struct secret *key = test_key(key_fill);
	int control = control_socket(name), key_fd, r;
	struct error err = { 0 };
	struct spawn s = { .path = t.program,
			   .argv = argv,
			   .n_fds = 8,
			   .user = &t.user,
			   .cwd_fd = -1,
			   .listen_fd = control };

	m->name = name;
	new_file(m);
	assert_int_equal(pipe2(m->log, O_CLOEXEC), 0);
	assert_int_equal(secret_pipe(key, &key_fd), 0);
	/* One that nothing comes on, and that has no other end. */
	m->netlink =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	assert_true(m->netlink >= 0);
	memcpy(s.fds,
	       (int[]){ -1, m->log[1], m->log[1], m->nvram, key_fd, control,
			m->netlink, m->checkpoint },
	       s.n_fds * sizeof(int));
	r = zygote_spawn(t.z, &s, &m->process, &err);
	/* Killed with a request under way; engine_start() begins anew then. */
	if (r == -ESTALE)
		r = spawn_process(&s, &m->process, &err);
	assert_int_equal(r, 0);
	close(control);
	close(key_fd);
	m->sock = engine_connect(&t.cfg, name);
}

static void forget(struct machine *m)
{
	process_close(&m->process);
	close(m->sock);
	close(m->nvram);
	close(m->checkpoint);
	close(m->netlink);
	close(m->log[0]);
	close(m->log[1]);
	unlinkat(t.cfg.engine_fd, m->name, 0);
}

/* The status of its end. */
static int end(struct machine *m)
{
	int status = -1;

	kill(m->process.pid, SIGKILL);
	assert_int_equal(process_wait(&m->process, 20000, &status), 0);
	forget(m);
	return status;
}

static size_t transact(struct machine *m, const void *cmd, size_t len,
		       uint8_t *resp)
{
	uint8_t buf[ENGINE_MAX_COMMAND];
	struct engine_header h = { .op = ENGINE_OP_EXECUTE, .len = 1 + len };
	ssize_t n;

	memcpy(buf, &h, sizeof(h));
	buf[sizeof(h)] = 0;
	memcpy(buf + sizeof(h) + 1, cmd, len);
	len += sizeof(h) + 1;
	assert_int_equal(send(m->sock, buf, len, MSG_NOSIGNAL), len);
	n = recv(m->sock, buf, sizeof(buf), 0);
	assert_true(n >= (ssize_t)sizeof(h) + 10);
	memcpy(resp, buf + sizeof(h), n - sizeof(h));
	return n - sizeof(h);
}

static size_t execute(struct machine *m, const void *cmd, size_t len,
		      uint8_t *resp)
{
	size_t n = transact(m, cmd, len, resp);

	assert_memory_equal(resp + 6, "\0\0\0\0", 4);
	return n;
}

static void serves(struct machine *m)
{
	struct engine_status status;

	assert_int_equal(engine_get_status(m->sock, 60000, &status), 0);
	assert_int_equal(status.protocol, ENGINE_PROTOCOL_VERSION);
}

/* A line of /proc/PID/FILE, after @key if there is one. */
static void proc(pid_t pid, const char *file, const char *key, char *out,
		 size_t size)
{
	char path[64], line[1024];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "r");
	assert_non_null(f);
	out[0] = '\0';
	while (!out[0] && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)))
			snprintf(out, size, "%s", line + strlen(key));
	}
	fclose(f);
}

static pid_t parent_of(pid_t pid)
{
	char text[64];

	proc(pid, "status", "PPid:\t", text, sizeof(text));
	return strtol(text, NULL, 10);
}

/* The only other child of ours is the zygote. */
static pid_t zygote_pid(void)
{
	char text[1024], path[64], *p = text, *next;
	pid_t pid;

	snprintf(path, sizeof(path), "task/%d/children", getpid());
	proc(getpid(), path, "", text, sizeof(text));
	while ((pid = strtol(p, &next, 10)) > 0) {
		p = next;
		snprintf(path, sizeof(path), "%s", "");
		proc(pid, "comm", "", path, sizeof(path));
		if (!strcmp(path, "vtpm-zygote\n"))
			return pid;
	}
	return 0;
}

static void is_ours(void **state)
{
	struct machine a, b;
	char text[256];
	pid_t pid;

	(void)state;
	start(&a, "a", 1);
	start(&b, "b", 1);
	serves(&a);
	serves(&b);
	pid = zygote_pid();
	assert_int_not_equal(pid, 0);
	assert_int_not_equal(pid, a.process.pid);
	assert_int_equal(parent_of(a.process.pid), getpid());
	assert_int_equal(parent_of(b.process.pid), getpid());
	/* Not one before its time: providers' orphans are init's. */
	prctl(PR_GET_CHILD_SUBREAPER, &pid);
	assert_int_equal(pid, 0);
	proc(a.process.pid, "comm", "", text, sizeof(text));
	assert_string_equal(text, "vtpm-engine\n");
	proc(b.process.pid, "cmdline", "", text, sizeof(text));
	assert_string_equal(text, "vtpm-engine");
	assert_string_equal(text + strlen(text) + 1, "");
	assert_int_equal(end(&a), 128 + SIGKILL);
	assert_int_equal(end(&b), 128 + SIGKILL);
}

static void tells_its_end(void **state)
{
	struct machine m;
	int status = -1;
	char line[256];
	ssize_t n;

	(void)state;
	/* With the wrong key it ends by itself, and says so on its own pipe. */
	start(&m, "a", 2);
	assert_int_equal(process_wait(&m.process, 60000, &status), 0);
	assert_int_equal(status, ENGINE_EXIT_KEY_WRONG);
	n = read(m.log[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_non_null(strstr(line, "key"));
	forget(&m);
}

#define SELF_TEST "\x80\x01\0\0\0\x0b\0\0\x01\x43\0"
#define RANDOM "\x80\x01\0\0\0\x0c\0\0\x01\x7b\0\x20"
/* The P-256 primary key under the endorsement seed, with no password. */
#define PRIMARY                                        \
	"\x80\x02\0\0\0\x43\0\0\x01\x31\x40\0\0\x0b"   \
	"\0\0\0\x09\x40\0\0\x09\0\0\0\0\0"             \
	"\0\x04\0\0\0\0"                               \
	"\0\x1a\0\x23\0\x0b\0\x03\0\x72\0\0"           \
	"\0\x06\0\x80\0\x43\0\x10\0\x03\0\x10\0\0\0\0" \
	"\0\0\0\0\0\0"

/* Neither random numbers nor seeds come twice. */
static void shares_no_secret(void **state)
{
	uint8_t random[3][ENGINE_MAX_COMMAND], key[3][ENGINE_MAX_COMMAND];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct machine m;

		start(&m, "a", 1);
		execute(&m, RANDOM, sizeof(RANDOM) - 1, random[i]);
		assert_true(execute(&m, PRIMARY, sizeof(PRIMARY) - 1, key[i]) >
			    100);
		end(&m);
	}
	for (int i = 0; i < 3; i++) {
		const int other = (i + 1) % 3;

		assert_memory_not_equal(random[i] + 12, random[other] + 12, 32);
		/* TPM2B_PUBLIC, the coordinates at its end. */
		assert_memory_not_equal(key[i] + 20 + 24, key[other] + 20 + 24,
					64);
	}
}

/* Those that it has been handed, in order, and no other. */
static void has_its_descriptors(void **state)
{
	struct machine a, b;
	char path[64], target[64];
	ssize_t n;

	(void)state;
	if (geteuid() != 0)
		skip();
	start(&a, "a", 1);
	start(&b, "b", 1);
	serves(&a);
	serves(&b);
	for (int i = 0; i < 16; i++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", b.process.pid,
			 i);
		n = readlink(path, target, sizeof(target) - 1);
		/* 4: that of the key was closed, and is now our connection. */
		assert_int_equal(n > 0, i < 8);
	}
	/* Nothing of either is left with the zygote. */
	snprintf(path, sizeof(path), "/proc/%d/fd/4", zygote_pid());
	assert_int_equal(readlink(path, target, sizeof(target)), -1);
	end(&a);
	end(&b);
}

/* What of libtpms' data is its own: of its file and of what follows that. */
static long tpm_kib(const struct machine *m)
{
	static const char key[] = "Private_Dirty:";
	char path[64], line[512];
	bool inside = false;
	long sum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", m->process.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strchr(line, '/'))
			inside = strstr(line, "/libtpms.so");
		else if (inside && !strncmp(line, key, strlen(key)))
			sum += strtol(line + strlen(key), NULL, 10);
	}
	fclose(f);
	return sum;
}

/* A message that is not the kernel's: it is looked at, and no command. */
static void wake(const struct machine *m)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(to);
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	assert_int_equal(bind(m->netlink, (void *)&to, sizeof(to)), 0);
	assert_int_equal(getsockname(m->netlink, (void *)&to, &len), 0);
	assert_int_equal(
		sendto(fd, &len, sizeof(len), 0, (void *)&to, sizeof(to)),
		sizeof(len));
}

/* libtpms' NV array is more: its pages are the zygote's again. */
#define MUST_SETTLE_KIB 120

/* Tested and idle, it has given back what it does not need, and no more. */
static void settles(void **state)
{
	uint8_t key[2][ENGINE_MAX_COMMAND], resp[ENGINE_MAX_COMMAND];
	struct machine m;
	long before, after = 0;

	(void)state;
	start(&m, "a", 1);
	serves(&m);
	assert_true(execute(&m, PRIMARY, sizeof(PRIMARY) - 1, key[0]) > 100);
	before = tpm_kib(&m);
	/* What the kernel sends: tests are promised, not made. */
	transact(&m, SELF_TEST, sizeof(SELF_TEST) - 1, resp);
	assert_memory_equal(resp + 6, "\0\0\x09\x0a", 4);
	wake(&m);
	for (int i = 0; i < 300; i++) {
		after = tpm_kib(&m);
		if (after < before - MUST_SETTLE_KIB)
			break;
		usleep(100000);
	}
	print_message("# libtpms: %ld KiB of its own, %ld settled\n", before,
		      after);
	assert_in_range(after, 0, before - MUST_SETTLE_KIB);
	/* Seeds, heap and NV are what they were. */
	assert_true(execute(&m, PRIMARY, sizeof(PRIMARY) - 1, key[1]) > 100);
	assert_memory_equal(key[0] + 20, key[1] + 20, 24 + 64);
	assert_int_equal(end(&m), 128 + SIGKILL);
}

static void zygote_dies(void **state)
{
	struct machine a, b;
	pid_t first = zygote_pid();

	(void)state;
	start(&a, "a", 1);
	serves(&a);
	kill(zygote_pid(), SIGKILL);
	start(&b, "b", 1);
	serves(&b);
	serves(&a);
	assert_int_not_equal(zygote_pid(), first);
	assert_int_equal(parent_of(b.process.pid), getpid());
	first = zygote_pid();
	zygote_renew(t.z);
	end(&b);
	start(&b, "b", 1);
	serves(&b);
	assert_int_not_equal(zygote_pid(), first);
	first = zygote_pid();
	/* As a package does it, or nearly. */
	assert_int_equal(chmod(t.program, 0711), 0);
	end(&b);
	start(&b, "b", 1);
	serves(&b);
	assert_int_not_equal(zygote_pid(), first);
	end(&a);
	end(&b);
}

/* It costs a start that long, and then there is another. */
static void zygote_hangs(void **state)
{
	struct machine a, b;
	pid_t first;
	time_t began;

	(void)state;
	zygote_set_timeouts(t.z, 60, 1);
	zygote_renew(t.z);
	start(&a, "a", 1);
	first = zygote_pid();
	kill(first, SIGSTOP);
	began = time(NULL);
	start(&b, "b", 1);
	assert_in_range(time(NULL) - began, 0, 20);
	end(&b);
	start(&b, "b", 1);
	assert_int_not_equal(zygote_pid(), first);
	end(&a);
	end(&b);
}

static bool wait_gone(pid_t pid)
{
	for (int i = 0; i < 500; i++) {
		if (kill(pid, 0) < 0)
			return true;
		usleep(10000);
	}
	return false;
}

/* The engine goes on and the zygote ends, whatever the manager dies of. */
static void manager_dies(void **state)
{
	int report[2], sock;
	struct engine e;
	pid_t manager, pids[2];

	(void)state;
	assert_int_equal(pipe(report), 0);
	/* The one of this process is not the child's to wait for. */
	zygote_renew(t.z);
	manager = fork();
	if (!manager) {
		struct machine m;

		start(&m, "a", 1);
		serves(&m);
		pids[0] = m.process.pid;
		pids[1] = zygote_pid();
		if (write(report[1], pids, sizeof(pids)) < 0)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(read(report[0], pids, sizeof(pids)), sizeof(pids));
	waitpid(manager, NULL, 0);
	assert_true(wait_gone(pids[1]));
	sock = engine_connect(&t.cfg, "a");
	assert_true(sock >= 0);
	close(sock);
	assert_int_equal(engine_adopt(&t.cfg, "a", 60000, &e), 0);
	assert_int_equal(e.process.pid, pids[0]);
	engine_discard(&t.cfg, "a", &e);
	close(report[0]);
	close(report[1]);
}

/* What cannot be a zygote is started as what it is. */
static void without(void **state)
{
	char *argv[] = { "false", NULL };
	const struct spawn s = { .path = "/bin/false",
				 .argv = argv,
				 .fds = { -1, -1, -1 },
				 .n_fds = 3,
				 .user = &t.user,
				 .cwd_fd = -1,
				 .listen_fd = -1 };
	struct error err = { 0 };
	struct process p;
	int status;

	(void)state;
	log_init("test", LOG_CRIT);
	assert_int_equal(zygote_spawn(t.z, &s, &p, &err), 0);
	assert_int_equal(process_wait(&p, 10000, &status), 0);
	assert_int_equal(status, 1);
	process_close(&p);
	log_init("test", LOG_INFO);
}

/* A copy, in a place that every user can reach. */
static int copy_engine(void)
{
	char self[PATH_MAX], engine[2 * PATH_MAX];
	_cleanup_close_ int from = -1, to = -1;
	struct stat st;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return -1;
	self[n] = '\0';
	/* build/VARIANT/test/helper/vtpmd/test-zygote */
	for (int i = 0; i < 4; i++)
		dirname(self);
	snprintf(t.program, sizeof(t.program), "%s/vtpm-engine", t.dir);
	snprintf(engine, sizeof(engine), "%s/vtpm-engine", self);
	from = open(engine, O_RDONLY | O_CLOEXEC);
	to = open(t.program, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (from < 0 || to < 0 || fstat(from, &st) < 0 || fchmod(to, 0755) < 0)
		return -1;
	for (off_t at = 0; at < st.st_size;) {
		if (sendfile(to, from, &at, st.st_size - at) <= 0)
			return -1;
	}
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	t.user = (struct account){ "nobody", 65534, 65534 };
	if (geteuid())
		t.user = (struct account){ "this user", geteuid(), getegid() };
	if (!mkdtemp(t.dir) || chmod(t.dir, 0711) < 0 || copy_engine() ||
	    zygote_new(&t.z) < 0)
		return -1;
	t.cfg.run_dir = t.dir;
	t.cfg.engine_user = t.user;
	t.cfg.engine_fd = open(t.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t.cfg.engine_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	zygote_free(t.z);
	unlink(t.program);
	close(t.cfg.engine_fd);
	return rmdir(t.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_ours),
		cmocka_unit_test(tells_its_end),
		cmocka_unit_test(shares_no_secret),
		cmocka_unit_test(has_its_descriptors),
		cmocka_unit_test(settles),
		cmocka_unit_test(zygote_dies),
		cmocka_unit_test(zygote_hangs),
		cmocka_unit_test(manager_dies),
		cmocka_unit_test(without),
	};

	log_init("test", LOG_INFO);
	alarm(300);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
