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
	bool has_holes;
} map = { .fd = -1 };

/* A page that memory is short for is an error here and SIGBUS in a write. */
static int grow(size_t size)
{
	void *base;

	size = (size + NVRAM_PAGE - 1) / NVRAM_PAGE * NVRAM_PAGE;
	if (fallocate(map.fd, 0, 0, size) < 0)
		return -errno;
	base = map.base ? mremap(map.base, map.size, size, MREMAP_MAYMOVE)
			: mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			       map.fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	map.base = base;
	map.size = size;
	return 0;
}

int mapped_open(int fd)
{
	struct stat st;

	if (map.base)
		munmap(map.base, map.size);
	memset(&map, 0, sizeof(map));
	map.fd = fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* Holes, which an earlier process may have made, are filled. */
	return grow(st.st_size < NVRAM_PAGE ? NVRAM_PAGE : st.st_size);
}

struct mapped_page *mapped_first_page(void)
{
	return (void *)map.base;
}

static int mapped_write(int fd, const void *buf, size_t len, off_t off)
{
	size_t at = NVRAM_PAGE + off;
	struct mapped_page *page;
	int r = 0;

	if (fd != map.fd)
		return -EBADF;
	if (at + len > map.size)
		r = grow(at + len);
	else if (map.has_holes && fallocate(fd, 0, at, len) < 0)
		r = -errno;
	if (r)
		return r;
	page = (void *)map.base;
	page->write_start = off;
	page->write_end = off + len;
	/* A kill comes between two instructions; these keep their order. */
	atomic_signal_fence(memory_order_seq_cst);
	memcpy(map.base + at, buf, len);
	atomic_signal_fence(memory_order_seq_cst);
	page->write_end = 0;
	return 0;
}

static int mapped_sync(int fd)
{
	(void)fd;
	atomic_signal_fence(memory_order_seq_cst);
	return 0;
}

static void mapped_punch(int fd, off_t off, off_t len)
{
	nvram_system_ops.punch(fd, NVRAM_PAGE + off, len);
	map.has_holes = true;
}

static ssize_t mapped_read(int fd, void *buf, size_t len, off_t off)
{
	return nvram_system_ops.read(fd, buf, len, NVRAM_PAGE + off);
}

/* Was the process that wrote [@off, @off + @len) killed while it did? */
static bool mapped_unfinished(int fd, off_t off, off_t len)
{
	const struct mapped_page *page = (const void *)map.base;

	return fd == map.fd && page->write_end > (uint64_t)off &&
	       page->write_start < (uint64_t)(off + len);
}

const struct nvram_ops mapped_ops = {
	.read = mapped_read,
	.write = mapped_write,
	.sync = mapped_sync,
	.punch = mapped_punch,
	.unfinished = mapped_unfinished,
	.random = random_bytes,
};
