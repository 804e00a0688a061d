/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file on tmpfs, written through a mapping: that takes no system call, and
 * what has been written stays when the process is killed. It does not outlive
 * the host, so that there is nothing to sync. One such file a process.
 *
 * A first page says where the rest is.
 */
#ifndef VTPM_NVRAM_MAPPED_H
#define VTPM_NVRAM_MAPPED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvram/store.h"
#include "util/hkdf-gcm.h"

#define MAPPED_MAGIC "VTPMCKPT"
#define MAPPED_VERSION 3
#define MAPPED_OLDEST 2 /* has no log, and zeroes where one is named */
#define MAPPED_PAGE 4096
#define MAPPED_BASES 2

/* The file's key, sealed with a data key of the vTPM. */
struct mapped_key {
	_Atomic uint32_t used;
	uint8_t salt[HKDF_GCM_SALT_LEN];
	uint8_t body[NVRAM_KEY_LEN + HKDF_GCM_TAG_LEN];
};

/* First page << 32 | number of pages, so that one store changes both. */
typedef uint64_t mapped_region;

static inline mapped_region region_make(size_t first, size_t pages)
{
	return (uint64_t)first << 32 | pages;
}

static inline size_t region_offset(mapped_region r)
{
	return (r >> 32) * MAPPED_PAGE;
}

static inline size_t region_size(mapped_region r)
{
	return (r & UINT32_MAX) * MAPPED_PAGE;
}

struct mapped_page {
	char magic[8];
	uint32_t version;
	uint32_t unused;
	_Atomic mapped_region writing; /* a kill leaves it in part; 0: none */
	_Atomic mapped_region base[MAPPED_BASES]; /* 0: there is none yet */
	/* A deep rekey has two for a moment, since it changes another file. */
	struct mapped_key key[2];
	_Atomic mapped_region log; /* 0: there is none yet */
	_Atomic uint64_t log_used; /* bytes of it that count */
};
_Static_assert(sizeof(struct mapped_page) <= MAPPED_PAGE, "a page");

/* Map @fd, with at least @size bytes. 0 or a negative errno. */
int mapped_open(int fd, size_t size);
/* The first page; it moves when the file grows. */
struct mapped_page *mapped_first_page(void);
/* The memory of @r, or NULL for what is not in the file. */
uint8_t *mapped_memory(mapped_region r);

/* Have memory for @r, in the file and here. 0 or a negative errno. */
int mapped_make(mapped_region r);
/* Give the memory of @r back, in the file: nothing names it any more. */
void mapped_drop(mapped_region r);

/* Between the two @r is written, or was when the process was killed. */
void mapped_begin(mapped_region r);
void mapped_end(void);

#endif
