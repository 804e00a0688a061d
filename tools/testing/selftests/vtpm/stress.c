// SPDX-License-Identifier: GPL-2.0
/*
 * Managers, helpers and clients at once and at random: instances come and go,
 * helpers lie and are killed, clients are killed in the middle of a call, and
 * with -m the module is removed and loaded again in between. What is looked
 * for is a kernel that complains; see tools/testing/vm/run-debug.sh. TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

static const char *module;

static void load_module(struct load *l)
{
	int fd, tries, r = -1;

	/* Memory may be short on purpose, but not for ever. */
	for (tries = 0; tries < 500 && r; tries++) {
		fd = open(module, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		r = syscall(SYS_finit_module, fd, "", 0);
		if (r)
			usleep(10000);
		close(fd);
	}
	if (r) {
		printf("# %s: %s\n", module, strerror(errno));
		l->counts[N_RMMOD_BAD]++;
	}
	l->generation++;
}

static int try_rmmod(struct load *l)
{
	if (!syscall(SYS_delete_module, "vtpm", O_NONBLOCK)) {
		l->counts[N_RMMOD_DONE]++;
		load_module(l);
		return 1;
	}
	if (errno == EWOULDBLOCK || errno == EBUSY) {
		l->counts[N_RMMOD_BUSY]++;
	} else {
		printf("# rmmod: %s\n", strerror(errno));
		l->counts[N_RMMOD_BAD]++;
	}
	return 0;
}

/* Now and then at any moment, and now and then when it can succeed. */
static void remover(struct load *l, unsigned int slot, uint64_t *rng)
{
	double end;
	int i;

	(void)slot;
	while (!l->stop) {
		for (i = 20 + load_rnd(rng, 40); i && !l->stop; i--) {
			usleep(load_rnd(rng, 500000));
			try_rmmod(l);
		}
		l->quiesce = 1;
		/* A create that has begun takes seconds in a debug kernel. */
		end = load_now() + 10;
		while (load_now() < end && !l->stop && !try_rmmod(l))
			usleep(30000);
		l->quiesce = 0;
	}
	l->quiesce = 0;
}

static int managers_worked(struct load *l)
{
	atomic_uint *n = l->counts;

	return n[N_CREATES] && n[N_ATTACHES] && n[N_FAILS] && n[N_DESTROYS];
}

static int some_were_killed(struct load *l)
{
	atomic_uint *n = l->counts;

	return n[N_HELPER_KILLS] && n[N_CLIENT_KILLS] && n[N_RIGHT];
}

static int was_removed(struct load *l)
{
	return l->counts[N_RMMOD_BUSY] && l->counts[N_RMMOD_DONE];
}

static int enough(struct load *l)
{
	return managers_worked(l) && some_were_killed(l) &&
	       (!module || was_removed(l));
}

static void report(struct load *l, int removed)
{
	atomic_uint *n = l->counts;

	load_ok(!n[N_DIED] && !n[N_STUCK], "every worker ends when it should");
	load_ok(!n[N_WRONG], "no client gets an answer that is not its own");
	load_ok(!n[N_SILENT],
		"every create, attach, fail and destroy is answered");
	load_ok(!load_destroy_all(l), "every instance can be destroyed");
	load_ok(managers_worked(l), "managers had work");
	load_ok(some_were_killed(l),
		"helpers and clients were killed, and answers came");
	if (!removed)
		return;
	load_ok(!n[N_RMMOD_BAD] && was_removed(l),
		"rmmod is refused or succeeds");
}

int main(int argc, char **argv)
{
	static struct load_crew crew;
	uint64_t seed = time(NULL);
	double seconds = 20;
	int c, failslab = 0;
	struct load *l;

	while ((c = getopt(argc, argv, "t:s:m:f")) != -1) {
		switch (c) {
		case 't':
			seconds = atof(optarg);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			module = optarg;
			break;
		case 'f':
			failslab = 1;
			break;
		default:
			fprintf(stderr,
				"stress [-t seconds] [-s seed] [-m vtpm.ko] [-f]\n");
			return 2;
		}
	}
	l = load_new(seed, "stress");
	l->forgers = 1; /* of what the TPM core asks; it then changes echoes */
	l->failslab = failslab;
	load_add(&crew, LOAD_SLOTS, load_helper, N_HELPER_STARTS,
		 N_HELPER_KILLS);
	load_add(&crew, 4, load_client, N_CLIENT_STARTS, N_CLIENT_KILLS);
	load_add(&crew, 4, load_manager, 0, 0);
	if (module)
		load_add(&crew, 1, remover, 0, 0);
	load_run(l, &crew, seconds, enough);
	report(l, !!module);
	return load_end(l);
}
