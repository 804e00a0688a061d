/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_NVRAM_CHECK_H
#define VTPM_NVRAM_CHECK_H

#include <stdbool.h>

#include "nvram/store.h"

struct nvram_slot_report {
	uint32_t sectors, blank;
	uint32_t broken;     /* of no record of this file, or damaged */
	bool record;	     /* all sectors of one are there */
	uint64_t generation; /* of that one */
};

struct nvram_report {
	struct {
		int status; /* 0, -EBADMSG: damaged, -ENOTSUP: newer version */
		uint64_t generation;
	} header[2];
	bool readable; /* a header can be gone by; else @problem */
	struct error problem;
	struct nvram_info info;
	struct nvram_slot_report slot[2];
	bool whole; /* there is nothing to mend, as far as that is seen */
};

/*
 * Look at a file without its key: checksums and no authentication. 0 for a
 * damaged file as well; an error is one of reading it. Nothing is written.
 */
int nvram_check(int fd, const char *file, struct nvram_report *out,
		struct error *err);

#endif
