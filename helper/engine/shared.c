// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/shared.h"

static struct {
	uint8_t *start; /* of libtpms' zero-filled data, whole pages */
	uint8_t *copy;	/* NULL: there is none */
	size_t len;
	size_t page;
} shared;

static int find(struct dl_phdr_info *info, size_t size, void *arg)
{
	const uintptr_t mask = shared.page - 1;

	(void)size;
	(void)arg;
	if (!strstr(info->dlpi_name, "/libtpms.so"))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + p->p_vaddr;
		uintptr_t end = (begin + p->p_memsz) & ~mask;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_W))
			continue;
		begin = (begin + p->p_filesz + mask) & ~mask;
		if (begin >= end)
			continue;
		shared.start = (uint8_t *)begin;
		shared.len = end - begin;
		return 1;
	}
	return 0;
}

void shared_keep(void)
{
	void *copy;

	shared.page = sysconf(_SC_PAGESIZE);
	if (!dl_iterate_phdr(find, NULL))
		return;
	/* Writable: the pages take that with them. */
	copy = mmap(NULL, shared.len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy == MAP_FAILED)
		return;
	memcpy(copy, shared.start, shared.len);
	shared.copy = copy;
}

/* As many bytes from @at as are the same in whole pages; or differ. */
static size_t run_length(size_t at, bool *same)
{
	size_t n = at;

	*same = !memcmp(shared.start + at, shared.copy + at, shared.page);
	do {
		n += shared.page;
	} while (n < shared.len &&
		 *same == !memcmp(shared.start + n, shared.copy + n,
				  shared.page));
	return n - at;
}

int shared_take(struct error *err)
{
	size_t n;
	bool same;

	if (!shared.copy)
		return 0;
	for (size_t at = 0; at < shared.len; at += n) {
		n = run_length(at, &same);
		if (!same)
			munmap(shared.copy + at, n);
		else if (mremap(shared.copy + at, n, n,
				MREMAP_MAYMOVE | MREMAP_FIXED,
				shared.start + at) == MAP_FAILED)
			/* What was there may be gone. */
			return error_set(err, -errno, VTPM_ERR_ENGINE,
					 "no memory for libtpms: %m");
	}
	shared.copy = NULL;
	return 0;
}
