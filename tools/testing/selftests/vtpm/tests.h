/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests share. A test returns 0, 1 with @what and @bad_line set, or
 * TEST_SKIP with @what set.
 */
#ifndef VTPM_SELFTEST_TESTS_H
#define VTPM_SELFTEST_TESTS_H

#include <stdint.h>
#include <unistd.h>

#include "fake.h"
#include "nl.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

#define TEST_SKIP 4

extern struct nl nl;
extern const uint8_t uuid[16];
extern const char *what; /* of the check that failed, with its line */
extern int bad_line;

#define CHECK(cond)                          \
	do {                                 \
		if (!(cond)) {               \
			what = #cond;        \
			bad_line = __LINE__; \
			return 1;            \
		}                            \
	} while (0)

/* What comes by itself, on a slow machine late. */
#define EVENTUALLY(cond)                     \
	do {                                 \
		int tries_ = 1000;           \
		while (!(cond) && --tries_)  \
			usleep(10000);       \
		if (!tries_) {               \
			what = #cond;        \
			bad_line = __LINE__; \
			return 1;            \
		}                            \
	} while (0)

/* The kernel's answer is in @in; its error is returned. */
int create(const char *name, uint32_t port, uint32_t timeout_ms,
	   uint32_t grace_ms, struct nl_in *in);
int by_id(int cmd, uint32_t id, uint32_t port, int reset, struct nl_in *in);
int destroy(uint32_t id);
/* enum vtpm_state, or -1. */
int state_of(uint32_t id);
/* /dev/tpmN of @in; -1 and errno. */
int open_node(const struct nl_in *in);
/* Seconds of a monotonic clock. */
double now(void);
/* One command; its response code, or a negative errno. */
long transact(int fd);

/* test_attrs.c */
int test_attributes(void);
int test_duplicates(void);
/* test_message.c */
int test_create_refused(void);
int test_lies(void);
int test_malformed(void);
int test_privilege(void);
int test_wrong_socket(void);
/* test_node.c */
int test_events(void);
int test_owner(void);
int test_stats(void);
/* test_suspend.c */
int test_suspend(void);
/* test_race.c */
int test_attach_race(void);
int test_destroy_while_open(void);
int test_hung_neighbour(void);

#endif
