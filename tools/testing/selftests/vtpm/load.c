// SPDX-License-Identifier: GPL-2.0
/* Workers, their random numbers and their figures. See load.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

static const char *const count_names[N_COUNTS] = {
	[N_CREATES] = "creates",
	[N_ATTACHES] = "attaches",
	[N_FAILS] = "fails",
	[N_DESTROYS] = "destroys",
	[N_REFUSED] = "refused",
	[N_SILENT] = "without reply",
	[N_HELPER_STARTS] = "helpers started",
	[N_HELPER_KILLS] = "helpers killed",
	[N_ANSWERS] = "answers sent",
	[N_LIES] = "lies sent",
	[N_CLIENT_STARTS] = "clients started",
	[N_CLIENT_KILLS] = "clients killed",
	[N_OPENS] = "opens",
	[N_NODE_OPS] = "calls on nodes",
	[N_RIGHT] = "right answers",
	[N_WRONG] = "wrong answers",
	[N_FORGED] = "forged answers",
	[N_RMMOD_BUSY] = "rmmod busy",
	[N_RMMOD_DONE] = "rmmod done",
	[N_RMMOD_BAD] = "rmmod bad",
	[N_DIED] = "workers died",
	[N_STUCK] = "workers stuck",
	[N_DEATHS] = "deaths",
	[N_REDELIVERED] = "redelivered",
	[N_SEQ_WRONG] = "wrong sequence numbers",
	[N_NUMBER_WRONG] = "device numbers changed",
	[N_MESSAGES] = "messages",
	[N_MUTATED] = "mutated",
	[N_ACCEPTED] = "accepted",
	[N_ERRORS] = "errors",
	[N_UNPRIVILEGED] = "unprivileged",
	[N_BREACHES] = "privileged by the unprivileged",
};

static unsigned int tap_n, tap_failed;

void *load_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

struct load *load_new(uint64_t seed, const char *prefix)
{
	struct load *l = load_shared(sizeof(*l));

	l->seed = seed;
	l->prefix = prefix;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n# seed %llu\n", (unsigned long long)seed);
	return l;
}

double load_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Vigna's splitmix64. */
static uint64_t next(uint64_t *rng)
{
	uint64_t z = *rng += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint32_t load_rnd(uint64_t *rng, uint32_t below)
{
	return below ? (next(rng) >> 16) % below : 0;
}

int load_chance(uint64_t *rng, unsigned int percent)
{
	return load_rnd(rng, 100) < percent;
}

void load_bytes(uint64_t *rng, void *p, size_t len)
{
	uint8_t *b = p;

	while (len--)
		*b++ = next(rng) >> 24;
}

/* What this process and its system calls allocate may fail from now on. */
static void make_it_fail(void)
{
	int fd = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) != 1)
		perror("# /proc/self/make-it-fail");
	if (fd >= 0)
		close(fd);
}

static void start(struct load *l, struct load_worker *w, unsigned int n)
{
	uint64_t rng = l->seed + n * 1000003ull + w->runs++ * 7919;

	w->kill_sent = 0;
	w->pid = fork();
	if (w->pid < 0) {
		w->pid = 0;
		usleep(10000);
		return;
	}
	if (!w->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (l->failslab)
			make_it_fail();
		w->run(l, w->slot, &rng);
		_exit(0);
	}
	if (w->started)
		l->counts[w->started]++;
}

static void reap(struct load *l, struct load_crew *crew)
{
	struct load_worker *w = crew->w;
	int status;
	unsigned int i;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < crew->n; i++) {
			if (w[i].pid != pid)
				continue;
			w[i].pid = 0;
			if (WIFSIGNALED(status) && !w[i].kill_sent) {
				printf("# worker %u ended by signal %d\n", i,
				       WTERMSIG(status));
				l->counts[N_DIED]++;
			}
		}
	}
}

static unsigned int alive(const struct load_crew *crew)
{
	unsigned int i, sum = 0;

	for (i = 0; i < crew->n; i++)
		sum += crew->w[i].pid != 0;
	return sum;
}

static void show_stack(const struct load_worker *w)
{
	char path[64], buf[2048], *line;
	int fd, n;

	snprintf(path, sizeof(path), "/proc/%d/stack", w->pid);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);
	buf[n > 0 ? n : 0] = 0;
	for (line = strtok(buf, "\n"); line; line = strtok(NULL, "\n"))
		printf("# %s\n", line);
	if (fd >= 0)
		close(fd);
}

/* Half a minute in peace, as long again after SIGKILL. */
void load_finish(struct load *l, struct load_crew *crew)
{
	struct load_worker *w = crew->w;
	double end = load_now() + 30;
	unsigned int i, force;

	l->stop = 1;
	for (force = 0; force < 2; force++) {
		while (alive(crew) && load_now() < end) {
			reap(l, crew);
			usleep(20000);
		}
		for (i = 0; !force && i < crew->n; i++) {
			if (!w[i].pid)
				continue;
			printf("# worker %u does not end:\n", i);
			show_stack(&w[i]);
			l->counts[N_STUCK]++;
			w[i].kill_sent = 1;
			kill(w[i].pid, SIGKILL);
		}
		end = load_now() + 30;
	}
	if (alive(crew))
		printf("# %u workers survive SIGKILL\n", alive(crew));
}

void load_add(struct load_crew *crew, unsigned int n, load_fn run, int started,
	      int killed)
{
	unsigned int i;

	for (i = 0; i < n && crew->n < LOAD_WORKERS; i++) {
		struct load_worker *w = &crew->w[crew->n++];

		memset(w, 0, sizeof(*w));
		w->run = run;
		w->slot = i;
		w->started = started;
		w->killed = killed;
	}
}

void load_go(struct load *l, struct load_crew *crew)
{
	unsigned int i;

	reap(l, crew);
	for (i = 0; i < crew->n; i++) {
		if (!crew->w[i].pid)
			start(l, &crew->w[i], i);
	}
}

void load_run(struct load *l, struct load_crew *crew, double seconds,
	      int (*enough)(struct load *l))
{
	struct load_worker *w = crew->w;
	double begin = load_now(), end = begin + seconds, calm = begin;
	double last = begin + 10 * seconds;
	uint64_t rng = l->seed ^ 0xfeed;
	unsigned int i;

	while (begin < end) {
		/*
		 * Most of the time they are to be alive, also where it takes
		 * long to start them.
		 */
		load_go(l, crew);
		if (calm < load_now() + 4 * (load_now() - begin))
			calm = load_now() + 4 * (load_now() - begin);
		do {
			usleep(load_rnd(&rng, 50000));
			begin = load_now();
		} while (begin < calm && begin < end);
		i = load_rnd(&rng, crew->n);
		if (w[i].killed && w[i].pid && !w[i].kill_sent) {
			w[i].kill_sent = 1;
			kill(w[i].pid, SIGKILL);
			l->counts[w[i].killed]++;
		}
		if (begin >= end && end < last && enough && !enough(l))
			end += seconds / 2;
	}
	load_finish(l, crew);
}

const char *load_name(enum load_count count)
{
	return count_names[count];
}

void load_ok(int good, const char *text)
{
	printf("%sok %u - %s\n", good ? "" : "not ", ++tap_n, text);
	tap_failed += !good;
}

int load_end(struct load *l)
{
	unsigned int i;

	for (i = 0; i < N_COUNTS; i++) {
		if (l->counts[i])
			printf("# %10u %s\n", (unsigned int)l->counts[i],
			       count_names[i]);
	}
	printf("1..%u\n", tap_n);
	return !!tap_failed;
}
