// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/memory.h"

/* Of Linux 5.18, not in every libc: for locked memory as well. */
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

/* Far less than what the kernel keeps free below a stack. */
#define STACK_DEPTH (1UL << 20)

/* Whole pages, and what the zygote had there. */
struct range {
	uint8_t *start;
	uint8_t *copy; /* NULL: there is none */
	size_t len;
};

static struct {
	struct range tpm; /* libtpms' zero-filled data */
	struct range heap;
	size_t page;
} memory;

static int find_tpm(struct dl_phdr_info *info, size_t size, void *arg)
{
	const uintptr_t mask = memory.page - 1;

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
		memory.tpm.start = (uint8_t *)begin;
		memory.tpm.len = end - begin;
		return 1;
	}
	return 0;
}

void memory_find_heap(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];

	while (f && !memory.heap.start && fgets(line, sizeof(line), f)) {
		if (strstr(line, "[heap]"))
			memory.heap.start = (uint8_t *)strtoul(line, NULL, 16);
	}
	if (f)
		fclose(f);
}

static size_t heap_len(void)
{
	return ((uint8_t *)sbrk(0) - memory.heap.start) & ~(memory.page - 1);
}

static void keep(struct range *r)
{
	void *copy;

	if (!r->start || !r->len)
		return;
	/* Writable: the pages take that with them. */
	copy = mmap(NULL, r->len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy == MAP_FAILED)
		return;
	memcpy(copy, r->start, r->len);
	r->copy = copy;
}

void memory_keep(void)
{
	memory.page = sysconf(_SC_PAGESIZE);
	dl_iterate_phdr(find_tpm, NULL);
	malloc_trim(0);
	if (memory.heap.start)
		memory.heap.len = heap_len();
	keep(&memory.tpm);
	keep(&memory.heap);
}

static bool is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, memory.page - 1);
}

/* As many bytes from @at as are the same in whole pages; or differ. */
static size_t run_length(const struct range *r, size_t at, bool *same)
{
	size_t n = at;

	*same = !memcmp(r->start + at, r->copy + at, memory.page);
	do {
		n += memory.page;
	} while (n < r->len &&
		 *same == !memcmp(r->start + n, r->copy + n, memory.page));
	return n - at;
}

static int take(struct range *r, struct error *err)
{
	size_t n;
	bool same;

	if (!r->copy)
		return 0;
	for (size_t at = 0; at < r->len; at += n) {
		n = run_length(r, at, &same);
		if (!same)
			munmap(r->copy + at, n);
		else if (mremap(r->copy + at, n, n,
				MREMAP_MAYMOVE | MREMAP_FIXED,
				r->start + at) == MAP_FAILED)
			/* What was there may be gone. */
			return error_set(err, -errno, VTPM_ERR_ENGINE,
					 "no memory for the TPM: %m");
	}
	r->copy = NULL;
	return 0;
}

/*
 * Pages of nothing but zeroes, which is what there is when they are gone. In
 * buffers for the longest of everything these are most.
 */
static void drop_zeroes(uint8_t *start, size_t len)
{
	size_t n;

	for (size_t at = 0; at < len; at += n + memory.page) {
		for (n = 0; at + n < len && is_zero(start + at + n);)
			n += memory.page;
		if (n)
			madvise(start + at, n, MADV_DONTNEED_LOCKED);
	}
}

/* What has been used of the stack below here, but for the next page. */
static void __attribute__((noinline)) drop_stack(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t end = (here & ~(memory.page - 1)) - memory.page;

	madvise((void *)(end - STACK_DEPTH), STACK_DEPTH, MADV_DONTNEED_LOCKED);
}

int memory_settle(struct error *err)
{
	size_t len;
	int r;

	memory.page = sysconf(_SC_PAGESIZE);
	drop_stack();
	malloc_trim(0);
	r = take(&memory.tpm, err);
	if (r || !memory.heap.start)
		return r;
	/* It may have become smaller. */
	len = heap_len();
	if (len < memory.heap.len)
		memory.heap.len = len;
	r = take(&memory.heap, err);
	if (!r)
		drop_zeroes(memory.heap.start, len);
	return r;
}
