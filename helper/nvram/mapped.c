// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "nvram/mapped.h"

static struct {
	int fd;
	uint8_t *base;
	size_t size;
} map = { .fd = -1 };

static int grow(size_t size)
{
	void *base;

	if (size <= map.size)
		return 0;
	base = map.base ? mremap(map.base, map.size, size, MREMAP_MAYMOVE)
			: mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			       map.fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	map.base = base;
	map.size = size;
	return 0;
}

int mapped_open(int fd, size_t size)
{
	struct stat st;

	if (map.base)
		munmap(map.base, map.size);
	memset(&map, 0, sizeof(map));
	map.fd = fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)size)
		return mapped_make(region_make(0, size / MAPPED_PAGE));
	return grow(st.st_size / MAPPED_PAGE * MAPPED_PAGE);
}

struct mapped_page *mapped_first_page(void)
{
	return (void *)map.base;
}

uint8_t *mapped_memory(mapped_region r)
{
	size_t offset = region_offset(r), size = region_size(r);

	if (!size || offset > map.size || size > map.size - offset)
		return NULL;
	return map.base + offset;
}

/* A page that memory is short for is an error here and SIGBUS in a write. */
int mapped_make(mapped_region r)
{
	if (fallocate(map.fd, 0, region_offset(r), region_size(r)) < 0)
		return -errno;
	return grow(region_offset(r) + region_size(r));
}

void mapped_drop(mapped_region r)
{
	/* What cannot be given back stays used. */
	if (region_size(r))
		(void)!fallocate(map.fd,
				 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 region_offset(r), region_size(r));
}

/* A kill comes between two instructions; the fences keep their order. */
void mapped_begin(mapped_region r)
{
	mapped_first_page()->writing = r;
	atomic_signal_fence(memory_order_seq_cst);
}

void mapped_end(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	mapped_first_page()->writing = 0;
}
