// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "nvram/check.h"
#include "util/cleanup.h"
#include "util/io.h"
#include "vtpmd/state-copy.h"

/* More than a file ever has; see nvram-format.rst. */
#define MAX_FILE (64 * 1024 * 1024)
#define CHUNK (256 * 1024)
#define MAX_TRIES 100
#define PAUSE_NS 5000000

int state_copy_to_memory(int from, int *out)
{
	_cleanup_close_ int fd = memfd_create("state", MFD_CLOEXEC);
	_cleanup_free_ char *buf = malloc(CHUNK);
	off_t off = 0;
	ssize_t n;
	int r = 0;

	if (fd < 0 || !buf)
		return fd < 0 ? -errno : -ENOMEM;
	while (!r && off < MAX_FILE) {
		n = pread(from, buf, CHUNK, off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		r = write_full(fd, buf, n);
		off += n;
	}
	if (!r && off >= MAX_FILE)
		r = -EFBIG;
	if (!r)
		*out = TAKE_FD(fd);
	return r;
}

/*
 * The sums of the sectors tell a copy that a write went through: what is torn
 * counts as not written, and there is the state of before or it is too old.
 */
static int is_good(int copy, const char *file, uint64_t least,
		   struct nvram_info *info, struct error *err)
{
	struct nvram_report report;
	int r = nvram_check(copy, file, &report, err);

	if (r < 0)
		return r;
	if (!report.readable) {
		*err = report.problem;
		return 0;
	}
	*info = report.info;
	info->generation = 0;
	for (int i = 0; i < 2; i++) {
		if (report.slot[i].record &&
		    report.slot[i].generation > info->generation)
			info->generation = report.slot[i].generation;
	}
	error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
		  "%s is damaged; mend it first with: vtpmctl repair", file);
	return report.whole && info->generation >= least;
}

int state_copy_live(int from, const char *file, int *out,
		    struct nvram_info *info, struct error *err)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct nvram_info before;
	int r = nvram_read_header(from, file, &before, err);

	if (r < 0)
		return r;
	for (int i = 0; i < MAX_TRIES; i++) {
		_cleanup_close_ int copy = -1;

		r = state_copy_to_memory(from, &copy);
		if (r < 0)
			return error_set(err, r, VTPM_ERR_STORAGE, "%s: %s",
					 file, strerror(-r));
		r = is_good(copy, file, before.generation, info, err);
		if (r < 0)
			return r;
		if (r) {
			*out = TAKE_FD(copy);
			return 0;
		}
		nanosleep(&pause, NULL);
	}
	return err->errnum;
}

int state_copy_write(int from, int to)
{
	_cleanup_free_ char *buf = malloc(CHUNK);
	off_t off = 0;
	ssize_t n;
	int r = buf ? 0 : -ENOMEM;

	if (!r && ftruncate(to, 0) < 0)
		r = -errno;
	while (!r) {
		n = pread(from, buf, CHUNK, off);
		if (n < 0)
			return -errno;
		if (!n)
			break;
		r = pwrite_full(to, buf, n, off);
		off += n;
	}
	if (!r && fsync(to) < 0)
		r = -errno;
	return r;
}
