// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clients of several vTPMs, who remember what their TPM has to be by now, while
 * engines and the manager are killed with SIGKILL at random instants. TAP.
 *
 *   torture -k KILLS [-s SEED] DEVICE ... -- VTPMD [ARGUMENT ...]
 *
 * VTPMD is run, and run again when it was killed. Every command has to be
 * answered, and right; none may fail.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/testing/owner.h"

#define MAX_DEVICES 16
/* Of the kills, one in so many is the manager's. */
#define MANAGER_PART 10

struct client {
	const char *device;
	int fd;
	pthread_t thread;
	struct owner owner;
	char failure[200];
};

static struct {
	struct client clients[MAX_DEVICES];
	int n;
	char **manager;
	pid_t manager_pid;
	unsigned int seed, kills, manager_kills;
	atomic_bool stop;
	int tests, failed;
} t;

static void ok(bool right, const char *text)
{
	printf("%sok %d - %s\n", right ? "" : "not ", ++t.tests, text);
	fflush(stdout);
	t.failed += !right;
}

static int transact(struct owner *o, const struct command *c,
		    uint8_t resp[OWNER_RESPONSE])
{
	struct client *client = o->arg;
	ssize_t n = write(client->fd, c->data, c->len);

	if (n != c->len) {
		snprintf(client->failure, sizeof(client->failure), "write: %s",
			 strerror(errno));
		return -1;
	}
	n = read(client->fd, resp, OWNER_RESPONSE);
	if (n < 10) {
		snprintf(client->failure, sizeof(client->failure), "read: %s",
			 n < 0 ? strerror(errno) : "too short");
		return -1;
	}
	return n;
}

static void *run_client(void *arg)
{
	struct client *c = arg;

	while (!t.stop) {
		if (owner_step(&c->owner))
			break;
	}
	return NULL;
}

static void start_manager(void)
{
	t.manager_pid = fork();
	if (t.manager_pid < 0) {
		perror("fork");
		exit(1);
	}
	if (t.manager_pid)
		return;
	for (int i = 0; i < t.n; i++)
		close(t.clients[i].fd);
	execvp(t.manager[0], t.manager);
	perror(t.manager[0]);
	_exit(127);
}

static void kill_manager(void)
{
	kill(t.manager_pid, SIGKILL);
	waitpid(t.manager_pid, NULL, 0);
	start_manager();
	t.manager_kills++;
}

static bool is_engine(const char *pid)
{
	char path[300], name[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	(void)!read(fd, name, sizeof(name) - 1);
	close(fd);
	return !strcmp(name, "vtpm-engine\n");
}

/* Kill one of them, if there is any; also one that only just begins. */
static void kill_engine(void)
{
	pid_t pids[4 * MAX_DEVICES];
	unsigned int n = 0;
	struct dirent *d;
	DIR *proc = opendir("/proc");

	if (!proc)
		return;
	while ((d = readdir(proc)) && n < 4 * MAX_DEVICES) {
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9' &&
		    is_engine(d->d_name))
			pids[n++] = strtol(d->d_name, NULL, 10);
	}
	closedir(proc);
	if (n && !kill(pids[rand_r(&t.seed) % n], SIGKILL))
		t.kills++;
}

static bool all_well(void)
{
	for (int i = 0; i < t.n; i++) {
		if (t.clients[i].owner.wrong[0])
			return false;
	}
	return true;
}

static void pause_us(unsigned int us)
{
	const struct timespec ts = { us / 1000000, us % 1000000 * 1000L };

	nanosleep(&ts, NULL);
}

static void kill_many(unsigned int kills)
{
	while (t.kills < kills && all_well()) {
		pause_us(rand_r(&t.seed) % 300000);
		if (rand_r(&t.seed) % MANAGER_PART == 0)
			kill_manager();
		else
			kill_engine();
		if ((t.kills + 1) % 100 == 0)
			fprintf(stderr, "%u kills\n", t.kills);
	}
}

static void report(const struct client *c)
{
	printf("# %s: %llu commands, counter %llu\n", c->device,
	       (unsigned long long)c->owner.commands,
	       (unsigned long long)c->owner.counter);
	if (c->owner.wrong[0])
		printf("# %s: %s %s\n", c->device, c->owner.wrong, c->failure);
}

static int open_clients(int argc, char **argv)
{
	for (; t.n < MAX_DEVICES && t.n < argc && strcmp(argv[t.n], "--");
	     t.n++) {
		struct client *c = &t.clients[t.n];

		c->device = argv[t.n];
		c->fd = open(c->device, O_RDWR | O_CLOEXEC);
		if (c->fd < 0) {
			perror(c->device);
			return -1;
		}
		c->owner.transact = transact;
		c->owner.arg = c;
		c->owner.seed = t.seed + t.n;
		if (owner_begin(&c->owner)) {
			report(c);
			return -1;
		}
	}
	if (!t.n || t.n + 1 >= argc || strcmp(argv[t.n], "--"))
		return -1;
	t.manager = argv + t.n + 1;
	return 0;
}

static int run(unsigned int kills)
{
	bool right = true;

	start_manager();
	for (int i = 0; i < t.n; i++) {
		if (pthread_create(&t.clients[i].thread, NULL, run_client,
				   &t.clients[i]))
			return -1;
	}
	kill_many(kills);
	t.stop = true;
	for (int i = 0; i < t.n; i++)
		pthread_join(t.clients[i].thread, NULL);
	ok(all_well(), "every command of every client got its right answer");
	for (int i = 0; i < t.n; i++)
		right &= !owner_verify(&t.clients[i].owner);
	ok(right, "PCRs, counters and sessions are what they have to be");
	ok(t.kills >= kills, "as many kills as were asked for");
	for (int i = 0; i < t.n; i++)
		report(&t.clients[i]);
	printf("# %u engines and %u managers killed\n", t.kills,
	       t.manager_kills);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int kills = 100;
	int c;

	t.seed = time(NULL);
	while ((c = getopt(argc, argv, "+k:s:")) != -1) {
		if (c == 'k')
			kills = strtoul(optarg, NULL, 10);
		else if (c == 's')
			t.seed = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	printf("# seed %u\n", t.seed);
	if (open_clients(argc - optind, argv + optind) || run(kills)) {
		fprintf(stderr,
			"usage: torture [-k KILLS] [-s SEED] DEVICE ... -- VTPMD [ARGUMENT ...]\n");
		return 1;
	}
	kill(t.manager_pid, SIGTERM);
	waitpid(t.manager_pid, NULL, 0);
	printf("1..%d\n", t.tests);
	return t.failed ? 1 : 0;
}
