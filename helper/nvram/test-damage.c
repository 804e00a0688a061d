// SPDX-License-Identifier: GPL-2.0-or-later
/* The state file against flips, cuts, swaps and forgeries. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nvram/bytes.h"
#include "nvram/testing/disk.h"
#include "util/crc32c.h"

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
			if (nvram_open_with(&disk_ops, -1, "f", disk_key, &n,
					    &err)) {
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(test_two_histories),
	};

	return cmocka_run_group_tests(tests, disk_set_up, disk_tear_down);
}
