/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file on tmpfs, written through a mapping: that takes no system call, and
 * what has been written stays when the process is killed. It does not outlive
 * the host, so that there is nothing to sync. One such file a process.
 *
 * Before what the store writes there is a page of our own.
 */
#ifndef VTPM_NVRAM_MAPPED_H
#define VTPM_NVRAM_MAPPED_H

#include <stdatomic.h>

#include "nvram/internal.h"
#include "util/hkdf-gcm.h"

#define MAPPED_MAGIC "VTPMCKPT"
#define MAPPED_VERSION 1

/* The file's key, sealed with a data key of the vTPM. */
struct mapped_key {
	_Atomic uint32_t used;
	uint8_t salt[HKDF_GCM_SALT_LEN];
	uint8_t body[NVRAM_KEY_LEN + HKDF_GCM_TAG_LEN];
};

struct mapped_page {
	char magic[8];
	uint32_t version;
	uint32_t unused;
	/*
	 * What is being written, as the store counts: a kill leaves it in
	 * part. 0: nothing is.
	 */
	_Atomic uint64_t write_end;
	uint64_t write_start;
	/* A deep rekey has two for a moment, since it changes another file. */
	struct mapped_key key[2];
};
_Static_assert(sizeof(struct mapped_page) <= NVRAM_PAGE, "a page");

extern const struct nvram_ops mapped_ops;

/* Map @fd, with at least the first page. 0 or a negative errno. */
int mapped_open(int fd);
/* The first page; it moves when the file grows. */
struct mapped_page *mapped_first_page(void);

#endif
