/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A state file for tests: an image in memory. Writes to it are kept, so that a
 * test can play them again in part, and can be made to fail.
 */
#ifndef VTPM_NVRAM_TESTING_DISK_H
#define VTPM_NVRAM_TESTING_DISK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "nvram/internal.h"

#define DISK_MAX (8 * 1024 * 1024)
#define MAX_WRITES 64

/*
 * Everything that was asked of the disk, for a test that replays it: writes
 * and holes of one epoch lie between two syncs, and may reach the disk in any
 * order and in part.
 */
#define TRACE_MAX 512
struct trace {
	struct traced {
		off_t off;
		size_t len;
		uint8_t *data;
		int epoch, op;
	} write[TRACE_MAX];
	int n, epoch;
	int op; /* set by the test: what it is doing */
};

struct disk {
	struct trace *trace; /* NULL: nobody wants it */
	uint8_t *data;
	size_t len;
	struct written {
		off_t off;
		size_t len;
		uint8_t *data;
	} log[MAX_WRITES];
	int writes, syncs, fail_in, fail_errno, fail_sync_in;
	size_t fail_partial; /* bytes a failing write still does */
};

extern struct disk disk;
extern const struct nvram_ops disk_ops;
extern struct secret *disk_key;

/* For cmocka_run_group_tests(). */
int disk_set_up(void **state);
int disk_tear_down(void **state);

void disk_put(const void *buf, size_t len, off_t off);
void trace_clear(struct trace *t);
/* A copy of the image, and the way back to it. */
uint8_t *disk_save(size_t *len);
void disk_restore(const uint8_t *copy, size_t len);

void wrap_fill(struct nvram_wrap *w, const char *provider, const char *key_id);
void info_fill(struct nvram_info *info);
/* A new file without state. */
void create(void);
void disk_reset(void);
struct nvram *open_ok(void);

/* A state of @len bytes that is like no other @tag's. */
uint8_t *make_state(unsigned int tag, uint32_t len);
int commit(struct nvram *n, unsigned int tag, uint32_t len, struct error *err);
void commit_ok(struct nvram *n, unsigned int tag, uint32_t len);
bool holds(const struct nvram *n, unsigned int tag, uint32_t len);

/* The file opens with that state, or is refused with @code and unchanged. */
void expect_state(unsigned int tag, uint32_t len);
void expect_error(const char *code);

#define LEN_A 1500
#define LEN_B 1700

/* Two commits: the newest state, 2, is in slot 1, unless @mirror in both. */
void two_commits(bool mirror);

#endif
