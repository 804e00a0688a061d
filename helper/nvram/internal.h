/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files of this folder that do I/O, and by tests. */
#ifndef VTPM_NVRAM_INTERNAL_H
#define VTPM_NVRAM_INTERNAL_H

#include <sys/types.h>

#include "nvram/format.h"
#include "nvram/seal.h"

/*
 * What the store asks of the system, so that tests can cut and break it.
 * All return 0 (read: bytes) or a negative errno.
 */
struct nvram_ops {
	ssize_t (*read)(int fd, void *buf, size_t len, off_t off);
	int (*write)(int fd, const void *buf, size_t len, off_t off);
	int (*sync)(int fd);
	void (*punch)(int fd, off_t off, off_t len); /* best effort */
	void (*random)(void *buf, size_t len);
};
extern const struct nvram_ops nvram_system_ops;

/* A record as it stands in the file. */
struct nvram_sealed {
	struct nvram_frame frame;
	uint8_t *body; /* NULL: none */
};

struct nvram {
	int fd;
	char *file; /* for messages */
	const struct nvram_ops *ops;
	struct seal *seal;
	struct nvram_header header;

	/*
	 * Header generation on disk of each copy, 0 for one that is damaged or
	 * whose last write failed. While the two differ, or one is 0, a commit
	 * also writes the headers before it counts: a copy whose write failed
	 * may be on disk after all and name another place for a slot.
	 */
	uint64_t copy_generation[2];
	/*
	 * A header whose write failed may be on disk. It may name other slots
	 * and another key, or say that there is a state where none was
	 * committed: before a slot is touched both copies have to be ours.
	 */
	bool must_settle;

	struct nvram_sealed last; /* the last committed record */
	unsigned int current;	  /* its slot */
	bool mirrored;		  /* the other slot has that state too */
	bool other_spoilt;	  /* at open it held no whole record */
	uint64_t next_generation; /* above all that is in the file */

	uint8_t *state; /* found at open */
	uint32_t state_len;
};

int nvram_create_with(const struct nvram_ops *ops, int fd, const char *file,
		      const struct nvram_info *info, const struct secret *key,
		      struct error *err);
int nvram_open_with(const struct nvram_ops *ops, int fd, const char *file,
		    const struct secret *key, struct nvram **out,
		    struct error *err);

/* Both header copies as they are in the file. */
struct nvram_pages {
	uint8_t page[2][NVRAM_PAGE];
	struct nvram_header header[2];
	int status[2]; /* of header_decode() */
};
int headers_read(const struct nvram_ops *ops, int fd, const char *file,
		 struct nvram_pages *p, struct error *err);
/* The copy to go by, 0 or 1, or a negative errno. */
int headers_choose(const struct nvram_pages *p, const char *file,
		   struct error *err);
/*
 * Write @h, with the next header generation, to the older copy and then to
 * the other, each synced; on success it is the header of @n.
 */
int headers_write(struct nvram *n, const struct nvram_header *h,
		  struct error *err);
bool headers_settled(const struct nvram *n);
/*
 * Put the same header on disk once more. After an open the newer copy may be
 * nowhere but in memory, if its sync failed, and the other one must not be
 * written before it is there; the same bytes again do no harm in part, either.
 */
int headers_write_again(struct nvram *n, struct error *err);
/* Write the headers again if must_settle says so. */
int headers_settle(struct nvram *n, struct error *err);
/* Page of @h with MAC and checksum. */
int headers_seal(struct seal *s, const struct nvram_header *h,
		 uint8_t page[NVRAM_PAGE]);

/*
 * Slot @i of a file with header @h, in memory that the caller frees. What is
 * beyond the end of the file or cannot be read does not look whole.
 */
int slot_load(const struct nvram_ops *ops, int fd, const char *file,
	      const struct nvram_header *h, unsigned int i,
	      struct nvram_slot *out, struct error *err);

/*
 * The last committed state, in memory that the caller wipes and frees: only
 * its sealed form is kept, so that no plaintext lies about.
 */
int last_state(struct nvram *n, uint8_t **out, struct error *err);

/* Find the newest state; sets last, current, next_generation and state. */
int recover_state(struct nvram *n, struct error *err);

/* Fill in @err for the failure @errnum of a read or write of @file. */
int storage_error(struct error *err, int errnum, const char *file,
		  const char *what);

#endif
