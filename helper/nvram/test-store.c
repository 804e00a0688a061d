// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The state file against cuts, flips, swaps and full disks. The file is an
 * image in memory: writes to it are kept, so that a test can play them again
 * in part, and can be made to fail.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <signal.h>

#include <cmocka.h>

#include "nvram/bytes.h"
#include "nvram/internal.h"
#include "util/crc32c.h"

#define DISK_MAX (8 * 1024 * 1024)
#define MAX_WRITES 64

static struct disk {
	uint8_t *data;
	size_t len;
	struct written {
		off_t off;
		size_t len;
		uint8_t *data;
	} log[MAX_WRITES];
	int writes, syncs, fail_in, fail_errno, fail_sync_in;
	size_t fail_partial; /* bytes a failing write still does */
} disk;

static ssize_t disk_read(int fd, void *buf, size_t len, off_t off)
{
	(void)fd;
	if ((size_t)off >= disk.len)
		return 0;
	if (len > disk.len - off)
		len = disk.len - off;
	memcpy(buf, disk.data + off, len);
	return len;
}

static void disk_put(const void *buf, size_t len, off_t off)
{
	assert_true(off + len <= DISK_MAX);
	memcpy(disk.data + off, buf, len);
	if (off + len > disk.len)
		disk.len = off + len;
}

static int disk_write(int fd, const void *buf, size_t len, off_t off)
{
	struct written *w = &disk.log[disk.writes % MAX_WRITES];

	(void)fd;
	if (disk.fail_in && !--disk.fail_in) {
		disk_put(buf, len < disk.fail_partial ? len : disk.fail_partial,
			 off);
		return disk.fail_errno;
	}
	free(w->data);
	w->data = malloc(len);
	memcpy(w->data, buf, len);
	w->off = off;
	w->len = len;
	disk.writes++;
	disk_put(buf, len, off);
	return 0;
}

static int disk_sync(int fd)
{
	(void)fd;
	disk.syncs++;
	if (disk.fail_sync_in && !--disk.fail_sync_in)
		return -EIO;
	return 0;
}

static void disk_punch(int fd, off_t off, off_t len)
{
	(void)fd;
	memset(disk.data + off, 0, len);
}

static const struct nvram_ops ops = {
	.read = disk_read,
	.write = disk_write,
	.sync = disk_sync,
	.punch = disk_punch,
	.random = random_bytes,
};

static void disk_reset(void)
{
	for (int i = 0; i < MAX_WRITES; i++)
		free(disk.log[i].data);
	free(disk.data);
	memset(&disk, 0, sizeof(disk));
	disk.data = calloc(1, DISK_MAX);
	assert_non_null(disk.data);
}

/* A copy of the image, and the way back to it. */
static uint8_t *disk_save(size_t *len)
{
	uint8_t *copy = malloc(disk.len);

	memcpy(copy, disk.data, disk.len);
	*len = disk.len;
	return copy;
}

static void disk_restore(const uint8_t *copy, size_t len)
{
	memcpy(disk.data, copy, len);
	if (disk.len > len)
		memset(disk.data + len, 0, disk.len - len);
	disk.len = len;
}

static struct secret *key;

static void info_fill(struct nvram_info *info)
{
	memset(info, 0, sizeof(*info));
	uuid_new(info->uuid);
	strcpy(info->name, "web1");
	strcpy(info->provider, "host");
	strcpy(info->key_id, "a key");
	info->wrapped_len = 48;
	memset(info->wrapped, 0x5a, info->wrapped_len);
	info->library_version = 0x00090000;
	info->created = 1700000000;
}

static void create(void)
{
	struct nvram_info info;
	struct error err;

	disk_reset();
	info_fill(&info);
	assert_int_equal(nvram_create_with(&ops, -1, "f", &info, key, &err), 0);
}

static struct nvram *open_ok(void)
{
	struct error err = { 0 };
	struct nvram *n = NULL;

	if (nvram_open_with(&ops, -1, "f", key, &n, &err))
		fail_msg("%s: %s", err.code, err.text);
	return n;
}

/* A state of @len bytes that is like no other @tag's. */
static uint8_t *make_state(unsigned int tag, uint32_t len)
{
	uint8_t *s = malloc(len);

	for (uint32_t i = 0; i < len; i++)
		s[i] = tag * 31 + i * 7 + (i >> 8);
	return s;
}

static int commit(struct nvram *n, unsigned int tag, uint32_t len,
		  struct error *err)
{
	uint8_t *s = make_state(tag, len);
	int r = nvram_commit(n, s, len, err);

	free(s);
	return r;
}

static void commit_ok(struct nvram *n, unsigned int tag, uint32_t len)
{
	struct error err = { 0 };

	if (commit(n, tag, len, &err))
		fail_msg("%s: %s", err.code, err.text);
}

static bool holds(const struct nvram *n, unsigned int tag, uint32_t len)
{
	uint32_t got;
	const void *p = nvram_state(n, &got);
	uint8_t *want = make_state(tag, len);
	bool same = got == len && (!len || !memcmp(p, want, len));

	free(want);
	return same;
}

/* Opens with state @tag, or fails with @code if that is given. */
static void expect_state(unsigned int tag, uint32_t len)
{
	struct nvram *n = open_ok();

	assert_true(holds(n, tag, len));
	nvram_close(n);
}

static void expect_error(const char *code)
{
	struct error err = { 0 };
	struct nvram *n = NULL;
	size_t len;
	uint8_t *before = disk_save(&len);

	assert_true(nvram_open_with(&ops, -1, "the-file", key, &n, &err) < 0);
	assert_string_equal(err.code, code);
	assert_non_null(strstr(err.text, "the-file"));
	assert_int_equal(disk.len, len);
	assert_memory_equal(before, disk.data, len);
	free(before);
}

#define LEN_A 1500
#define LEN_B 1700

/* Two commits: the newest state, 2, is in slot 1, unless @mirror in both. */
static void two_commits(bool mirror)
{
	struct error err = { 0 };
	struct nvram *n;

	create();
	n = open_ok();
	commit_ok(n, 1, LEN_A);
	commit_ok(n, 2, LEN_B);
	if (mirror)
		assert_int_equal(nvram_mirror(n, &err), 0);
	nvram_close(n);
}

static void test_round_trip(void **state)
{
	struct nvram_info info;
	struct nvram *n;
	int writes, syncs;

	(void)state;
	create();
	n = open_ok();
	assert_true(holds(n, 0, 0));
	commit_ok(n, 1, 1);
	nvram_close(n);
	n = open_ok();
	assert_true(holds(n, 1, 1));
	for (unsigned int i = 2; i < 40; i++) {
		writes = disk.writes;
		syncs = disk.syncs;
		commit_ok(n, i, i * 300);
		if (record_size(i * 300) <= NVRAM_SLOT_DEFAULT) {
			assert_int_equal(disk.writes, writes + 1);
			assert_int_equal(disk.syncs, syncs + 1);
		}
		assert_int_equal(nvram_generation(n), i);
	}
	info = *nvram_get_info(n);
	assert_string_equal(info.name, "web1");
	assert_int_equal(info.created, 1700000000);
	nvram_close(n);
	expect_state(39, 39 * 300);
}

static void test_growth(void **state)
{
	static const uint32_t sizes[] = { 100,	  16000, 17000,	  40000, 150000,
					  150000, 100,	 1048576, 200,	 300 };
	unsigned int count = sizeof(sizes) / sizeof(sizes[0]);
	struct error err = { 0 };
	struct nvram *n;

	(void)state;
	create();
	for (unsigned int i = 0; i < count; i++) {
		n = open_ok();
		commit_ok(n, i, sizes[i]);
		nvram_close(n);
		expect_state(i, sizes[i]);
		n = open_ok();
		if (i % 2)
			assert_int_equal(nvram_mirror(n, &err), 0);
		nvram_close(n);
		expect_state(i, sizes[i]);
	}
	n = open_ok();
	assert_int_equal(commit(n, 1, NVRAM_MAX_STATE + 1, &err), -EINVAL);
	assert_int_equal(commit(n, 1, 0, &err), -EINVAL);
	nvram_close(n);
	expect_state(count - 1, sizes[count - 1]);
}

/* After a mirror any one byte may be wrong, and nothing is lost. */
static void test_flip_mirrored(void **state)
{
	uint8_t *image;
	size_t len;

	(void)state;
	two_commits(true);
	image = disk_save(&len);
	for (size_t i = 0; i < len; i++) {
		disk_restore(image, len);
		disk.data[i] ^= 1 << i % 8;
		expect_state(2, LEN_B);
	}
	free(image);
}

/*
 * Without one, a wrong byte in the frame or data of the newest record is
 * refused; anywhere else nothing is lost.
 */
static void test_flip_unmirrored(void **state)
{
	size_t slot1 = NVRAM_SLOT_START + NVRAM_SLOT_DEFAULT, len;
	size_t data = (NVRAM_BODY_LEN(LEN_B) + NVRAM_SECTOR_DATA - 1) /
		      NVRAM_SECTOR_DATA * NVRAM_SECTOR;
	uint8_t *image;

	(void)state;
	two_commits(false);
	image = disk_save(&len);
	for (size_t i = 0; i < len; i++) {
		disk_restore(image, len);
		disk.data[i] ^= 1 << i % 8;
		if (i >= slot1 && i < slot1 + data)
			expect_error(VTPM_ERR_CORRUPT);
		else
			expect_state(2, LEN_B);
	}
	free(image);
}

/* A file without state stays one; it never turns into an error or a state. */
static void test_flip_empty(void **state)
{
	uint8_t *image;
	size_t len;

	(void)state;
	create();
	image = disk_save(&len);
	for (size_t i = 0; i < len; i++) {
		disk_restore(image, len);
		disk.data[i] ^= 0x80;
		expect_state(0, 0);
	}
	free(image);
}

static void test_truncated(void **state)
{
	struct error err = { 0 };
	size_t len, opened = 0;
	uint8_t *image;

	(void)state;
	for (int mirror = 0; mirror < 2; mirror++) {
		two_commits(mirror);
		image = disk_save(&len);
		for (size_t cut = 0; cut < len; cut += 512) {
			struct nvram *n = NULL;

			disk_restore(image, cut);
			if (nvram_open_with(&ops, -1, "f", key, &n, &err)) {
				assert_string_equal(err.code, VTPM_ERR_CORRUPT);
				continue;
			}
			assert_true(holds(n, 2, LEN_B));
			nvram_close(n);
			opened++;
		}
		free(image);
	}
	/* It is not that all are refused. */
	assert_true(opened > 40);
}

/* Nothing left of a slot, or of both, is no file without state. */
static void test_destroyed(void **state)
{
	size_t slot0 = NVRAM_SLOT_START, slot1 = slot0 + NVRAM_SLOT_DEFAULT;
	uint8_t *image;
	size_t len;

	(void)state;
	two_commits(true);
	image = disk_save(&len);
	memset(disk.data + slot0, 0, 2 * NVRAM_SLOT_DEFAULT);
	expect_error(VTPM_ERR_CORRUPT);
	for (int byte = 0; byte < 256; byte += 255) {
		/* One record's page: it may have been the newest, alone. */
		disk_restore(image, len);
		memset(disk.data + slot1, byte, NVRAM_PAGE);
		expect_error(VTPM_ERR_CORRUPT);
	}
	disk_restore(image, len);
	memset(disk.data, 0, 2 * NVRAM_PAGE);
	expect_error(VTPM_ERR_CORRUPT);
	/* Blank slots of the same file's beginning, but an authentic header. */
	disk_restore(image, len);
	for (int i = 0; i < 2; i++)
		slot_blank(disk.data + slot0 + i * NVRAM_SLOT_DEFAULT,
			   NVRAM_SLOT_DEFAULT, sector_seed(disk.data + 32, i),
			   0);
	expect_error(VTPM_ERR_CORRUPT);
	free(image);
}

/* What is left of a commit of @len bytes, cut in every way we can think of. */
static void torn_commit(uint32_t len)
{
	unsigned int seed = 1;
	uint8_t *before;
	size_t before_len;
	struct written w;
	struct nvram *n;

	two_commits(false);
	before = disk_save(&before_len);
	n = open_ok();
	disk.writes = 0;
	commit_ok(n, 3, len);
	nvram_close(n);
	assert_int_equal(disk.writes, 1);
	w = disk.log[0];
	disk.log[0].data = NULL;
	for (int round = 0; round < 3000; round++) {
		bool old = false;

		disk_restore(before, before_len);
		for (size_t s = 0; s < w.len; s += NVRAM_SECTOR) {
			if (rand_r(&seed) % (2 + round % 7)) {
				memcpy(disk.data + w.off + s, w.data + s,
				       NVRAM_SECTOR);
			} else {
				old = true;
			}
		}
		n = open_ok();
		assert_true(holds(n, 3, len) || (old && holds(n, 2, LEN_B)));
		/* And it goes on from there. */
		commit_ok(n, 4, LEN_A);
		nvram_close(n);
		expect_state(4, LEN_A);
	}
	for (size_t cut = 0; cut <= w.len; cut++) {
		disk_restore(before, before_len);
		memcpy(disk.data + w.off, w.data, cut);
		n = open_ok();
		assert_true(holds(n, 3, len) ||
			    (cut < w.len && holds(n, 2, LEN_B)));
		nvram_close(n);
	}
	free(w.data);
	free(before);
}

static void test_torn(void **state)
{
	(void)state;
	torn_commit(1);
	torn_commit(LEN_A);
	/* Frame, text and tag fill their sectors to the last byte. */
	torn_commit(7 * NVRAM_SECTOR_DATA - NVRAM_BODY_LEN(0));
	torn_commit(8 * NVRAM_SECTOR_DATA - NVRAM_BODY_LEN(0));
	torn_commit(12000);
}

/*
 * Cuts between and inside the writes of the first commit, of a growth and of
 * a header update: the file opens with the old or the new state.
 */
static void cut_everywhere(uint32_t old_len, uint32_t new_len)
{
	struct written w[MAX_WRITES];
	struct nvram *n;
	uint8_t *before;
	size_t before_len;
	int count;

	create();
	n = open_ok();
	if (old_len)
		commit_ok(n, 1, old_len);
	before = disk_save(&before_len);
	disk.writes = 0;
	commit_ok(n, 2, new_len);
	nvram_close(n);
	count = disk.writes;
	assert_int_equal(count, 3);
	memcpy(w, disk.log, sizeof(w));
	memset(disk.log, 0, sizeof(disk.log));
	for (int last = 0; last < count; last++) {
		for (size_t cut = 0; cut <= w[last].len; cut += 256) {
			disk_restore(before, before_len);
			for (int i = 0; i < last; i++)
				disk_put(w[i].data, w[i].len, w[i].off);
			disk_put(w[last].data, cut, w[last].off);
			n = open_ok();
			assert_true(holds(n, 2, new_len) ||
				    (last < count - 1 &&
				     holds(n, old_len ? 1 : 0, old_len)));
			commit_ok(n, 3, 20000);
			nvram_close(n);
			expect_state(3, 20000);
		}
	}
	for (int i = 0; i < MAX_WRITES; i++)
		free(w[i].data);
	free(before);
}

static void test_cut_everywhere(void **state)
{
	(void)state;
	cut_everywhere(0, 1000);
	cut_everywhere(1000, 30000);
}

/* What is taken from elsewhere is refused, however whole it is. */
static void test_swaps(void **state)
{
	size_t slot0 = NVRAM_SLOT_START, slot1 = slot0 + NVRAM_SLOT_DEFAULT;
	uint8_t *one, *two, *empty;
	size_t len;

	(void)state;
	two_commits(true);
	one = disk_save(&len);
	create();
	empty = disk_save(&len);
	two_commits(true);
	two = disk_save(&len);

	/* The slots of this file, exchanged. */
	memcpy(disk.data + slot0, two + slot1, NVRAM_SLOT_DEFAULT);
	memcpy(disk.data + slot1, two + slot0, NVRAM_SLOT_DEFAULT);
	expect_error(VTPM_ERR_CORRUPT);
	/* One slot, then both, of another vTPM with the same data key. */
	for (int i = 0; i < 3; i++) {
		disk_restore(two, len);
		if (i != 1)
			memcpy(disk.data + slot0, one + slot0,
			       NVRAM_SLOT_DEFAULT);
		if (i != 0)
			memcpy(disk.data + slot1, one + slot1,
			       NVRAM_SLOT_DEFAULT);
		expect_error(VTPM_ERR_CORRUPT);
	}
	/* One header, then both; also of a file that has no state yet. */
	disk_restore(two, len);
	memcpy(disk.data, one, NVRAM_PAGE);
	expect_error(VTPM_ERR_CORRUPT);
	memcpy(disk.data + NVRAM_PAGE, one + NVRAM_PAGE, NVRAM_PAGE);
	expect_error(VTPM_ERR_CORRUPT);
	disk_restore(two, len);
	memcpy(disk.data, empty, 2 * NVRAM_PAGE);
	expect_error(VTPM_ERR_CORRUPT);
	free(one);
	free(two);
	free(empty);
}

/*
 * A slot whose sums were made to fit: authentication is not by checksum. So
 * with the sums of a header.
 */
static void test_forged(void **state)
{
	uint8_t mac[NVRAM_MAC_LEN], *one, *p;
	size_t slot0 = NVRAM_SLOT_START, len;
	struct nvram_frame f = { 0 };
	uint8_t body[NVRAM_BODY_LEN(LEN_B)];
	struct nvram_slot slot;

	(void)state;
	two_commits(true);
	one = disk_save(&len);
	two_commits(true);
	for (int i = 0; i < 2; i++) {
		p = one + slot0 + i * NVRAM_SLOT_DEFAULT;
		slot = (struct nvram_slot){ p, NVRAM_SLOT_DEFAULT,
					    sector_seed(one + 32, i), i };
		assert_int_equal(record_check(&slot, &f), 0);
		record_unpack(&slot, &f, body);
		record_pack(body, &f, sector_seed(disk.data + 32, i),
			    disk.data + slot0 + i * NVRAM_SLOT_DEFAULT);
	}
	expect_error(VTPM_ERR_CORRUPT);

	two_commits(true);
	for (int i = 0; i < 2; i++) {
		p = disk.data + i * NVRAM_PAGE;
		p[64] ^= 1;
		memcpy(mac, p + NVRAM_HEADER_MACED, sizeof(mac));
		header_finish(p, mac);
	}
	expect_error(VTPM_ERR_KEY_WRONG);
	free(one);
}

/* Sectors behind a record that leave few numbers for the next ones. */
static void test_used_up(void **state)
{
	static const struct {
		uint64_t generation;
		bool opens;
	} cases[] = {
		{ NVRAM_GENERATION_MAX / 2, true },
		{ NVRAM_GENERATION_MAX / 2 + 1, false },
		{ NVRAM_GENERATION_MAX, false },
		{ NVRAM_GENERATION_MAX + 1, true }, /* is no whole sector */
	};
	const int i = 20; /* two_commits() writes eight */
	uint8_t *s;

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		two_commits(false);
		s = disk.data + NVRAM_SLOT_START + i * NVRAM_SECTOR;
		put64(s + 496, cases[c].generation);
		put16(s + 504, 32);
		put16(s + 506, i);
		put32(s + 508, crc32c(sector_seed(disk.data + 32, 0), s, 508));
		if (cases[c].opens)
			expect_state(2, LEN_B);
		else
			expect_error(VTPM_ERR_CORRUPT);
	}
}

static void test_wrong_key(void **state)
{
	struct secret *right = key;

	(void)state;
	two_commits(false);
	key = secret_random(NVRAM_KEY_LEN);
	expect_error(VTPM_ERR_KEY_WRONG);
	secret_free(key);
	key = right;
	expect_state(2, LEN_B);
}

static void test_version(void **state)
{
	uint8_t mac[NVRAM_MAC_LEN] = { 0 };
	struct nvram_info info;
	struct error err;
	int fd = memfd_create("nvram", MFD_CLOEXEC);

	(void)state;
	two_commits(false);
	disk.data[8] = 2;
	header_finish(disk.data, mac);
	expect_error(VTPM_ERR_VERSION);
	assert_int_equal(pwrite(fd, disk.data, disk.len, 0), disk.len);
	assert_int_equal(nvram_read_header(fd, "f", &info, &err), -ENOTSUP);
	close(fd);
}

/*
 * Every write and every sync of a commit fails in turn, with part of the
 * write done; the last state stays, the call can be repeated, and then holds.
 */
static void failing_commit(uint32_t len, int fail_write, int fail_sync,
			   size_t partial, int errnum, uint32_t retry_len)
{
	struct error err = { 0 };
	struct nvram *n;
	uint8_t *image;
	size_t image_len;

	two_commits(false);
	n = open_ok();
	disk.fail_in = fail_write;
	disk.fail_sync_in = fail_sync;
	disk.fail_errno = errnum;
	disk.fail_partial = partial;
	assert_int_equal(commit(n, 3, len, &err), fail_sync ? -EIO : errnum);
	assert_string_equal(err.code, !fail_sync && errnum == -ENOSPC
					      ? VTPM_ERR_NO_SPACE
					      : VTPM_ERR_STORAGE);
	assert_int_equal(nvram_generation(n), 2);
	image = disk_save(&image_len);
	/* Cut now: the committed state, or the one that was in flight. */
	{
		struct nvram *m = open_ok();

		assert_true(holds(m, 2, LEN_B) || holds(m, 3, len));
		nvram_close(m);
	}
	disk_restore(image, image_len);
	commit_ok(n, 4, retry_len);
	nvram_close(n);
	expect_state(4, retry_len);
	free(image);
}

static void test_failures(void **state)
{
	static const size_t partial[] = { 0, 512, 4096, 5000, 1 << 20 };

	(void)state;
	for (size_t p = 0; p < 5; p++) {
		for (int e = 0; e < 2; e++) {
			failing_commit(6000, 1, 0, partial[p],
				       e ? -EIO : -ENOSPC, 900);
			for (int w = 1; w <= 3; w++) {
				failing_commit(30000, w, 0, partial[p],
					       e ? -EIO : -ENOSPC, 30000);
				/* Smaller: back in the old place. */
				failing_commit(30000, w, 0, partial[p],
					       e ? -EIO : -ENOSPC, 900);
			}
		}
	}
	failing_commit(6000, 0, 1, 0, 0, 900);
	for (int s = 1; s <= 3; s++) {
		failing_commit(30000, 0, s, 0, 0, 30000);
		failing_commit(30000, 0, s, 0, 0, 900);
	}
}

/* Two torn header writes in a row: they must hit the same copy. */
static void test_header_fails_twice(void **state)
{
	struct error err = { 0 };
	struct nvram *n;

	(void)state;
	for (int copy = 0; copy < 2; copy++) {
		two_commits(false);
		n = open_ok();
		for (int i = 0; i < 2; i++) {
			/* The record, then the headers in their turn. */
			disk.fail_in = i ? 2 : 2 + copy;
			disk.fail_errno = -EIO;
			disk.fail_partial = 1000;
			assert_int_equal(commit(n, 3, 30000, &err), -EIO);
		}
		nvram_close(n);
		n = open_ok();
		assert_true(holds(n, 2, LEN_B) || holds(n, 3, 30000));
		nvram_close(n);
	}
}

/* A mirror that fails has lost nothing, and neither has what follows it. */
static void test_mirror_fails(void **state)
{
	struct error err = { 0 };
	struct nvram *n;

	(void)state;
	two_commits(false);
	n = open_ok();
	disk.fail_in = 1;
	disk.fail_errno = -EIO;
	disk.fail_partial = 1024;
	assert_int_equal(nvram_mirror(n, &err), -EIO);
	expect_state(2, LEN_B);
	assert_int_equal(nvram_mirror(n, &err), 0);
	disk.writes = 0;
	assert_int_equal(nvram_mirror(n, &err), 0);
	assert_int_equal(disk.writes, 0);
	commit_ok(n, 3, LEN_A);
	nvram_close(n);
	expect_state(3, LEN_A);
}

/* A real file and a real limit: EFBIG and no SIGXFSZ, then room again. */
static void test_real_file(void **state)
{
	struct rlimit old, small = { 40960, RLIM_INFINITY };
	int fd = memfd_create("nvram", MFD_CLOEXEC);
	uint8_t *s = make_state(9, 20000);
	struct error err = { 0 };
	struct nvram_info info;
	struct nvram *n;
	uint32_t len;

	(void)state;
	info_fill(&info);
	assert_int_equal(nvram_create(fd, "real", &info, key, &err), 0);
	assert_int_equal(nvram_open(fd, "real", key, &n, &err), 0);
	assert_int_equal(nvram_commit(n, s, 1000, &err), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(nvram_commit(n, s, 20000, &err), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_string_equal(err.code, VTPM_ERR_NO_SPACE);
	assert_int_equal(nvram_commit(n, s, 20000, &err), 0);
	nvram_close(n);
	assert_int_equal(nvram_read_header(fd, "real", &info, &err), 0);
	assert_int_equal(info.generation, 3);
	assert_string_equal(info.key_id, "a key");
	assert_int_equal(nvram_open(fd, "real", key, &n, &err), 0);
	assert_memory_equal(nvram_state(n, &len), s, 20000);
	nvram_forget_state(n);
	assert_null(nvram_state(n, &len));
	nvram_close(n);
	free(s);
	close(fd);
}

static void test_header_updates(void **state)
{
	struct error err = { 0 };
	struct nvram *n;
	size_t len;
	uint8_t *before;

	(void)state;
	two_commits(false);
	n = open_ok();
	before = disk_save(&len);
	disk.writes = 0;
	assert_int_equal(nvram_set_library(n, 0x00090000, "", &err), 0);
	assert_int_equal(disk.writes, 0);
	assert_int_equal(nvram_set_library(n, 0x000a0000, "default-v2", &err),
			 0);
	assert_int_equal(
		nvram_set_wrapped(n, "other", "key 2", "wrap", 4, &err), 0);
	assert_int_equal(disk.writes, 4);
	/* What no reader would take is not written. */
	assert_true(nvram_set_wrapped(n, "other", "key\n2", "wrap", 4, &err) <
		    0);
	assert_true(nvram_set_library(n, 0x000a0000, "x\x7f", &err) < 0);
	assert_int_equal(disk.writes, 4);
	/* A shallow rekey: not a byte of the slots changes. */
	assert_memory_equal(before + NVRAM_SLOT_START,
			    disk.data + NVRAM_SLOT_START,
			    len - NVRAM_SLOT_START);
	nvram_close(n);
	n = open_ok();
	assert_string_equal(nvram_get_info(n)->profile, "default-v2");
	assert_string_equal(nvram_get_info(n)->provider, "other");
	assert_int_equal(nvram_get_info(n)->wrapped_len, 4);
	assert_true(holds(n, 2, LEN_B));
	nvram_close(n);
	free(before);
}

/* Two copies of one file, both used, and a slot of each put together. */
static void test_two_histories(void **state)
{
	size_t slot0 = NVRAM_SLOT_START, len;
	uint8_t *common, *one;
	struct error err = { 0 };
	struct nvram *n;

	(void)state;
	two_commits(false);
	common = disk_save(&len);
	n = open_ok();
	commit_ok(n, 3, LEN_A);
	nvram_close(n);
	one = disk_save(&len);
	disk_restore(common, len);
	n = open_ok();
	commit_ok(n, 4, LEN_A);
	assert_int_equal(nvram_mirror(n, &err), 0);
	nvram_close(n);
	memcpy(disk.data + slot0, one + slot0, NVRAM_SLOT_DEFAULT);
	expect_error(VTPM_ERR_CORRUPT);
	free(common);
	free(one);
}

/* No two records, of whatever sessions, share salt and counter. */
static void test_nonces(void **state)
{
	struct {
		uint8_t salt[NVRAM_SALT_LEN];
		uint64_t counter;
	} seen[60];
	size_t len;
	uint8_t *common;
	int count = 0;

	(void)state;
	two_commits(false);
	common = disk_save(&len);
	for (int session = 0; session < 20; session++) {
		struct nvram *n;

		/* As if restored from a backup each time. */
		disk_restore(common, len);
		n = open_ok();
		for (int i = 0; i < 3; i++, count++) {
			commit_ok(n, i, 100);
			memcpy(seen[count].salt, n->last.frame.salt,
			       NVRAM_SALT_LEN);
			seen[count].counter = n->last.frame.counter;
			for (int j = 0; j < count; j++)
				assert_false(seen[j].counter ==
						     seen[count].counter &&
					     !memcmp(seen[j].salt,
						     seen[count].salt,
						     NVRAM_SALT_LEN));
		}
		nvram_close(n);
	}
	free(common);
}

static int set_up(void **state)
{
	(void)state;
	key = secret_random(NVRAM_KEY_LEN);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	secret_free(key);
	disk_reset();
	free(disk.data);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_flip_mirrored),
		cmocka_unit_test(test_flip_unmirrored),
		cmocka_unit_test(test_flip_empty),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_destroyed),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_swaps),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_used_up),
		cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_header_fails_twice),
		cmocka_unit_test(test_mirror_fails),
		cmocka_unit_test(test_real_file),
		cmocka_unit_test(test_header_updates),
		cmocka_unit_test(test_two_histories),
		cmocka_unit_test(test_nonces),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
