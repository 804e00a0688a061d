/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the long tests share: workers that are processes, so that they can be
 * killed, with their figures and what they know of one another in shared
 * memory; helpers and clients that do everything at random from a seed.
 */
#ifndef VTPM_SELFTEST_LOAD_H
#define VTPM_SELFTEST_LOAD_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "nl.h"

enum load_count {
	N_CREATES, /* that succeeded, as the next three */
	N_ATTACHES,
	N_FAILS,
	N_DESTROYS,
	N_REFUSED, /* of these four */
	N_SILENT,  /* of these four: no reply came */
	N_HELPER_STARTS,
	N_HELPER_KILLS,
	N_ANSWERS,
	N_LIES,
	N_CLIENT_STARTS,
	N_CLIENT_KILLS,
	N_OPENS,
	N_NODE_OPS,
	N_RIGHT, /* answers that a client checked */
	N_WRONG,
	N_FORGED, /* made up by a helper of the fuzzer */
	N_RMMOD_BUSY,
	N_RMMOD_DONE,
	N_RMMOD_BAD,
	N_DIED, /* workers that ended by a signal we did not send */
	N_STUCK,
	/* deaths.c */
	N_DEATHS,
	N_REDELIVERED,
	N_SEQ_WRONG,
	N_NUMBER_WRONG,
	/* fuzz-netlink.c */
	N_MESSAGES,
	N_MUTATED,
	N_ACCEPTED,
	N_ERRORS,
	N_UNPRIVILEGED,
	N_BREACHES,
	N_COUNTS,
};

#define LOAD_SLOTS 8
#define LOAD_WORKERS 32

struct load {
	atomic_int stop;	/* everybody ends */
	atomic_int quiesce;	/* nothing but destroys: rmmod is to succeed */
	atomic_uint generation; /* of the loaded module */
	atomic_uint ports[LOAD_SLOTS]; /* of the helpers */
	atomic_uint ids[LOAD_SLOTS];   /* of the instances, by name */
	atomic_uint counts[N_COUNTS];
	uint64_t seed;
	const char *prefix; /* of the names of instances */
	int failslab;	    /* workers may be refused memory */
	int forgers;	    /* some of the helpers make answers up */
};

typedef void (*load_fn)(struct load *l, unsigned int slot, uint64_t *rng);

struct load_worker {
	load_fn run;
	unsigned int slot;
	int started, killed; /* to be counted, or 0 */
	pid_t pid;
	int kill_sent; /* by us */
	unsigned int runs;
};

/* The workers of a run. */
struct load_crew {
	struct load_worker w[LOAD_WORKERS];
	unsigned int n;
};

/* Memory that the workers share, zeroed. */
void *load_shared(size_t size);
struct load *load_new(uint64_t seed, const char *prefix);
double load_now(void);

/* A number below @below, and whether one of @percent in 100 comes true. */
uint32_t load_rnd(uint64_t *rng, uint32_t below);
int load_chance(uint64_t *rng, unsigned int percent);
void load_bytes(uint64_t *rng, void *p, size_t len);

/* Workers. */
void load_helper(struct load *l, unsigned int slot, uint64_t *rng);
void load_client(struct load *l, unsigned int slot, uint64_t *rng);
void load_manager(struct load *l, unsigned int slot, uint64_t *rng);

/* @n workers more, with the slots 0 to @n - 1. */
void load_add(struct load_crew *crew, unsigned int n, load_fn run, int started,
	      int killed);
/* Start those that do not run. */
void load_go(struct load *l, struct load_crew *crew);
/* Have all end, those that do not with force. */
void load_finish(struct load *l, struct load_crew *crew);
/*
 * Keep the workers going for @seconds, and on a slow machine until @enough,
 * unless that is NULL, says that each had something to do, for ten times as
 * long at most; kill at random those that may be killed; then have all end.
 */
void load_run(struct load *l, struct load_crew *crew, double seconds,
	      int (*enough)(struct load *l));
/* Destroy every instance there is; the number of those that stay. */
int load_destroy_all(struct load *l);
/*
 * Send a command whose answer is known. 0 right, negative errno, or what came
 * is the answer to another echo, or to none. A helper that makes up an answer
 * that a TPM could give is believed by the kernel, for its own device; what no
 * helper can be the cause of is an answer to another client's command.
 */
enum { LOAD_OTHER_ECHO = 1, LOAD_NO_ECHO };
int load_echo(int fd, uint64_t *rng);

/* TAP: one line a check, all figures, the status. */
const char *load_name(enum load_count count);
void load_ok(int good, const char *text);
int load_end(struct load *l);

#endif
