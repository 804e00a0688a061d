// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading, choosing and writing the two copies of the header. */
#include <errno.h>
#include <string.h>

#include "nvram/internal.h"

int storage_error(struct error *err, int errnum, const char *file,
		  const char *what)
{
	/* EFBIG: a limit on file sizes is as good as a full disk. */
	if (errnum == -ENOSPC || errnum == -EDQUOT || errnum == -EFBIG)
		return error_set(
			err, errnum, VTPM_ERR_NO_SPACE,
			"%s: no space to write the %s; nothing is lost, make "
			"free space on its file system and repeat",
			file, what);
	return error_set(err, errnum, VTPM_ERR_STORAGE,
			 "%s: cannot access the %s: %s; check the disk", file,
			 what, strerror(-errnum));
}

static ssize_t read_to_end(const struct nvram_ops *ops, int fd, uint8_t *buf,
			   size_t len, off_t off)
{
	size_t n = 0;

	while (n < len) {
		ssize_t r = ops->read(fd, buf + n, len - n, off + n);

		if (r < 0)
			return r;
		if (!r)
			break;
		n += r;
	}
	return n;
}

int headers_read(const struct nvram_ops *ops, int fd, const char *file,
		 struct nvram_pages *p, struct error *err)
{
	int unreadable = 0;

	for (int i = 0; i < 2; i++) {
		ssize_t r = read_to_end(ops, fd, p->page[i], NVRAM_PAGE,
					(off_t)i * NVRAM_PAGE);

		/* A bad block is what the second copy is there for. */
		if (r < 0 && (r != -EIO || unreadable++))
			return storage_error(err, r, file, "header");
		p->status[i] = r == NVRAM_PAGE ? header_decode(p->page[i],
							       &p->header[i])
					       : -EBADMSG;
	}
	return 0;
}

int headers_choose(const struct nvram_pages *p, const char *file,
		   struct error *err)
{
	const struct nvram_header *h = p->header;

	/* Before anything else: an older program must not write such a file. */
	if (p->status[0] == -ENOTSUP || p->status[1] == -ENOTSUP)
		return error_set(
			err, -ENOTSUP, VTPM_ERR_VERSION,
			"%s: made by a newer version of vtpm; update this host",
			file);
	if (p->status[0] && p->status[1])
		return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
				 "%s: both header copies are damaged; restore "
				 "the file from a backup",
				 file);
	if (p->status[0] || p->status[1])
		return p->status[0] ? 1 : 0;
	if (memcmp(h[0].info.uuid, h[1].info.uuid, UUID_LEN))
		return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
				 "%s: the header copies belong to different "
				 "vTPMs; restore the file from a backup",
				 file);
	/* One update writes the same page twice. */
	if (h[0].header_generation == h[1].header_generation &&
	    memcmp(p->page[0], p->page[1], NVRAM_PAGE))
		return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
				 "%s: the header copies contradict each other; "
				 "restore the file from a backup",
				 file);
	return h[1].header_generation > h[0].header_generation;
}

int headers_seal(struct seal *s, const struct nvram_header *h,
		 uint8_t page[NVRAM_PAGE])
{
	uint8_t mac[NVRAM_MAC_LEN];
	int r = header_encode(h, page);

	if (!r)
		r = seal_header_mac(s, page, mac);
	if (!r)
		header_finish(page, mac);
	return r;
}

bool headers_settled(const struct nvram *n)
{
	return n->copy_generation[0] &&
	       n->copy_generation[0] == n->copy_generation[1];
}

int headers_settle(struct nvram *n, struct error *err)
{
	struct nvram_header h = n->header;

	return n->must_settle ? headers_write(n, &h, err) : 0;
}

int headers_write_again(struct nvram *n, struct error *err)
{
	int newer = n->copy_generation[1] > n->copy_generation[0];
	uint8_t page[NVRAM_PAGE];
	int r = headers_seal(n->seal, &n->header, page);

	if (r)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 "%s: cannot make a header", n->file);
	r = n->ops->write(n->fd, page, sizeof(page), (off_t)newer * NVRAM_PAGE);
	if (!r)
		r = n->ops->sync(n->fd);
	return r ? storage_error(err, r, n->file, "header") : 0;
}

int headers_write(struct nvram *n, const struct nvram_header *h,
		  struct error *err)
{
	int older = n->copy_generation[1] < n->copy_generation[0];
	struct nvram_header next = *h;
	uint8_t page[NVRAM_PAGE];
	int r;

	/* Used up even by a failed write, which may be on disk after all. */
	next.header_generation = ++n->header.header_generation;
	r = headers_seal(n->seal, &next, page);
	if (r)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 "%s: cannot make a header", n->file);
	n->must_settle = true;
	for (int i = 0; i < 2; i++) {
		int copy = i ? !older : older;

		n->copy_generation[copy] = 0;
		r = n->ops->write(n->fd, page, sizeof(page),
				  (off_t)copy * NVRAM_PAGE);
		if (!r)
			r = n->ops->sync(n->fd);
		if (r)
			return storage_error(err, r, n->file, "header");
		n->copy_generation[copy] = next.header_generation;
	}
	n->header = next;
	n->must_settle = false;
	return 0;
}

int slot_load(const struct nvram_ops *ops, int fd, const char *file,
	      const struct nvram_header *h, unsigned int i,
	      struct nvram_slot *out, struct error *err)
{
	const struct nvram_region *region = &h->slot[i];
	/* Zeroes are no whole sectors: see sector_read(). */
	_cleanup_free_ uint8_t *data = calloc(1, region->capacity);
	size_t off = 0;

	if (!data)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "%s: out of memory", file);
	/* Page by page, so that a bad block spoils only its own page. */
	for (; off < region->capacity; off += NVRAM_PAGE) {
		ssize_t r = read_to_end(ops, fd, data + off, NVRAM_PAGE,
					region->offset + off);

		if (r == -EIO)
			memset(data + off, 0, NVRAM_PAGE);
		else if (r < 0)
			return storage_error(err, r, file, "slot");
	}
	*out = (struct nvram_slot){
		.data = TAKE_PTR(data),
		.len = region->capacity,
		.seed = sector_seed(h->info.uuid, i),
		.index = i,
	};
	return 0;
}
