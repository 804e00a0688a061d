// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What making a command durable and surviving a kill cost, without the kernel
 * module: the engine in this process, on a file in DIRECTORY, beside the bare
 * writes that no store could do without. Needs no guest. Medians, in turn.
 *
 *   bench-engine DIRECTORY [COUNT]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/testing/engine.h"
#include "nvram/internal.h"

#define COUNTER 0x01800100
#define MAX_COUNT 100000

static struct engine e = { .name = "bench", .lock = PTHREAD_MUTEX_INITIALIZER };
static struct checkpoint *checkpoint;
static uint64_t seq = 1;

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static void die(const char *what)
{
	fprintf(stderr, "bench-engine: %s\n", what);
	exit(1);
}

static void run(const struct command *c)
{
	static uint8_t resp[ENGINE_MAX_COMMAND];

	if (engine_run(&e, 1, seq++, c, resp))
		die("a command failed");
}

static int new_file(const char *dir, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/bench-%s.%d", dir, name, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		die(path);
	unlink(path);
	return fd;
}

static void start(const char *dir)
{
	_cleanup_(secret) struct secret *key = secret_random(NVRAM_KEY_LEN);
	struct error err = { 0 };
	struct command c;
	int fd = new_file(dir, "nvram");

	if (engine_new_file(fd, "bench", key, &err) ||
	    nvram_open(fd, "bench", key, &e.nvram, &err) ||
	    engine_power_on(&e, true, key, memfd_create("checkpoint", 0), &err))
		die(err.text);
	checkpoint = e.checkpoint;
	command_nv_define_counter(&c, COUNTER);
	run(&c);
	command_nv_increment(&c, COUNTER);
	run(&c);
}

enum { BARE, COMMIT, NV_PLAIN, NV_SAFE, EXTEND_PLAIN, EXTEND_SAFE, READ, N };
static const char *const names[N] = {
	[BARE] = "bare pwrite and fdatasync of that size",
	[COMMIT] = "the same state, sealed, by the store",
	[NV_PLAIN] = "NV_Increment",
	[NV_SAFE] = "NV_Increment, with checkpoint",
	[EXTEND_PLAIN] = "PCR_Extend",
	[EXTEND_SAFE] = "PCR_Extend, with checkpoint",
	[READ] = "PCR_Read",
};

static struct {
	int bare_fd;
	size_t record;
	uint8_t *state;
	uint32_t state_len;
	struct nvram *store;
	double *t[N];
} b;

/* Two places in turn, written before: what any store of two slots does. */
static void bare_write(int i)
{
	if (pwrite(b.bare_fd, b.state, b.record, i % 2 * (off_t)b.record) !=
		    (ssize_t)b.record ||
	    fdatasync(b.bare_fd))
		die("bare write");
}

static void one(int what, int i)
{
	static const uint8_t digest[TEST_DIGEST] = { 1 };
	struct command c;

	e.checkpoint =
		what == NV_SAFE || what == EXTEND_SAFE ? checkpoint : NULL;
	switch (what) {
	case BARE:
		bare_write(i);
		return;
	case COMMIT:
		if (nvram_commit(b.store, b.state, b.state_len, NULL))
			die("commit");
		return;
	case NV_PLAIN:
	case NV_SAFE:
		command_nv_increment(&c, COUNTER);
		break;
	case READ:
		command_pcr_read(&c, 16);
		break;
	default:
		command_pcr_extend(&c, 16, digest);
	}
	run(&c);
}

static void set_up_store(const char *dir)
{
	struct nvram_info info = *nvram_get_info(e.nvram);
	_cleanup_(secret) struct secret *key = secret_random(NVRAM_KEY_LEN);
	struct error err = { 0 };
	int fd = new_file(dir, "store");

	b.state_len = e.nvram->last.frame.length;
	b.record = record_size(b.state_len);
	b.state = calloc(1, b.record);
	b.bare_fd = new_file(dir, "bare");
	if (!b.state || nvram_create(fd, "store", &info, key, &err) ||
	    nvram_open(fd, "store", key, &b.store, &err))
		die(err.text);
	for (int i = 0; i < 2; i++)
		bare_write(i);
}

static int compare(const void *x, const void *y)
{
	double a = *(const double *)x, c = *(const double *)y;

	return (a > c) - (a < c);
}

static double mean(const double *t, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += t[i];
	return sum / n;
}

static void report(int n)
{
	double median[N], cost;

	printf("state %u bytes, record %zu; median and 99 %% of %d, us\n",
	       b.state_len, b.record, n);
	for (int w = 0; w < N; w++) {
		qsort(b.t[w], n, sizeof(double), compare);
		median[w] = b.t[w][n / 2];
		printf("%-40s %8.1f %8.1f\n", names[w], median[w],
		       b.t[w][n * 99 / 100]);
	}
	cost = mean(b.t[EXTEND_SAFE], n) - mean(b.t[EXTEND_PLAIN], n);
	printf("durable write, store over bare: %.2f; NV_Increment over bare: %.2f, with checkpoint %.2f\n"
	       "the checkpoint adds %.1f us to PCR_Extend, %.1f us on average, %.1f us to NV_Increment\n",
	       median[COMMIT] / median[BARE], median[NV_PLAIN] / median[BARE],
	       median[NV_SAFE] / median[BARE],
	       median[EXTEND_SAFE] - median[EXTEND_PLAIN], cost,
	       median[NV_SAFE] - median[NV_PLAIN]);
}

/*
 * These are so short that what was run before counts, and they do not all cost
 * the same: so many at a time, and the mean as well.
 */
#define EXTENDS 100

static void extends(int n)
{
	for (int first = 0; first < n; first += EXTENDS) {
		int last = first + EXTENDS < n ? first + EXTENDS : n;

		for (int w = EXTEND_PLAIN; w < N; w++) {
			for (int k = 0; k < EXTENDS / 10; k++)
				one(w, k);
			for (int k = first; k < last; k++) {
				double begun = now_us();

				one(w, k);
				b.t[w][k] = now_us() - begun;
			}
		}
	}
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1000;

	if (argc < 2 || n < 10 || n > MAX_COUNT) {
		fprintf(stderr, "usage: bench-engine DIRECTORY [COUNT]\n");
		return 2;
	}
	start(argv[1]);
	set_up_store(argv[1]);
	for (int w = 0; w < N; w++) {
		b.t[w] = calloc(n, sizeof(double));
		if (!b.t[w])
			die("out of memory");
	}
	for (int i = -n / 10; i < n; i++) {
		for (int w = 0; w < EXTEND_PLAIN; w++) {
			double begun = now_us();

			one(w, i + n);
			if (i >= 0)
				b.t[w][i] = now_us() - begun;
		}
	}
	extends(n);
	report(n);
	return 0;
}
