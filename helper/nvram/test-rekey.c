// SPDX-License-Identifier: GPL-2.0-or-later
/* Several wraps, and other data keys. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvram/testing/disk.h"

static struct secret *other_key;

static int set_up(void **state)
{
	other_key = secret_random(NVRAM_KEY_LEN);
	return disk_set_up(state);
}

static int tear_down(void **state)
{
	secret_free(other_key);
	return disk_tear_down(state);
}

static void swap_keys(void)
{
	struct secret *key = disk_key;

	disk_key = other_key;
	other_key = key;
}

static int rekey(struct nvram *n, struct error *err)
{
	struct nvram_wrap w;

	wrap_fill(&w, "host", "another key");
	return nvram_rekey(n, other_key, &w, 1, err);
}

/* As many as there may be; then one more, and one of a provider twice. */
static void test_wraps(void **state)
{
	struct nvram_wrap w[NVRAM_MAX_WRAPS + 1];
	struct error err = { 0 };
	char name[16];
	struct nvram *n;

	(void)state;
	two_commits(false);
	for (int i = 0; i <= NVRAM_MAX_WRAPS; i++) {
		snprintf(name, sizeof(name), "provider%d", i);
		wrap_fill(&w[i], name, "a key");
		w[i].data[0] = i;
	}
	n = open_ok();
	assert_int_equal(nvram_set_wraps(n, disk_key, w, NVRAM_MAX_WRAPS, &err),
			 0);
	disk.writes = 0;
	assert_true(nvram_set_wraps(n, disk_key, w, NVRAM_MAX_WRAPS + 1, &err) <
		    0);
	assert_true(nvram_set_wraps(n, disk_key, w, 0, &err) < 0);
	w[1] = w[0];
	assert_true(nvram_set_wraps(n, disk_key, w, 2, &err) < 0);
	assert_int_equal(nvram_set_wraps(n, other_key, w, 1, &err),
			 -EKEYREJECTED);
	assert_string_equal(err.code, VTPM_ERR_KEY_WRONG);
	assert_int_equal(disk.writes, 0);
	nvram_close(n);
	n = open_ok();
	assert_int_equal(nvram_get_info(n)->n_wraps, NVRAM_MAX_WRAPS);
	for (int i = 0; i < NVRAM_MAX_WRAPS; i++)
		assert_int_equal(nvram_get_info(n)->wrap[i].data[0], i);
	assert_true(holds(n, 2, LEN_B));
	nvram_close(n);
}

/* The room for all of them is less than the longest for each. */
static void test_no_room(void **state)
{
	struct nvram_wrap w[2];
	struct error err = { 0 };
	struct nvram *n;

	(void)state;
	two_commits(false);
	wrap_fill(&w[0], "one", "a key");
	wrap_fill(&w[1], "two", "a key");
	w[0].len = NVRAM_MAX_WRAPPED;
	n = open_ok();
	w[1].len = NVRAM_WRAPS_LEN - NVRAM_MAX_WRAPPED - 2 * (4 + 3 + 5);
	assert_int_equal(nvram_set_wraps(n, disk_key, w, 2, &err), 0);
	w[1].len++;
	assert_int_equal(nvram_set_wraps(n, disk_key, w, 2, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "detach"));
	w[0].len++;
	assert_int_equal(nvram_set_wraps(n, disk_key, w, 1, &err), -EINVAL);
	nvram_close(n);
	expect_state(2, LEN_B);
}

/* Every byte of the list decodes to what it says, or not at all. */
static void test_bad_wraps(void **state)
{
	uint8_t area[NVRAM_WRAPS_LEN], again[NVRAM_WRAPS_LEN];
	struct nvram_wrap w[2], *got = calloc(NVRAM_MAX_WRAPS, sizeof(*got));

	(void)state;
	wrap_fill(&w[0], "one", "a key");
	wrap_fill(&w[1], "two", "another");
	assert_int_equal(nvram_encode_wraps(w, 2, area), 0);
	for (uint32_t count = 0; count < 12; count++) {
		for (size_t i = 0; i < 160; i++) {
			uint8_t old = area[i];

			area[i] ^= 1 << i % 8;
			if (!nvram_decode_wraps(area, count, got)) {
				assert_int_equal(
					nvram_encode_wraps(got, count, again),
					0);
				assert_memory_equal(again, area, sizeof(area));
			}
			area[i] = old;
		}
		assert_int_equal(nvram_decode_wraps(area, count, got),
				 count == 2 ? 0 : -EBADMSG);
	}
	free(got);
}

static bool is_on_disk(const uint8_t *what, size_t len)
{
	return memmem(disk.data, disk.len, what, len) != NULL;
}

static void test_deep(void **state)
{
	struct error err = { 0 };
	uint8_t old[64];
	struct nvram *n;

	(void)state;
	two_commits(false);
	n = open_ok();
	memcpy(old, n->last.body + NVRAM_FRAME_LEN, sizeof(old));
	assert_true(is_on_disk(old, sizeof(old)));
	assert_int_equal(rekey(n, &err), 0);
	assert_false(is_on_disk(old, sizeof(old)));
	assert_int_equal(nvram_get_info(n)->data_key, 2);
	assert_int_equal(nvram_generation(n), 3);
	/* Neither the same key once more, nor wraps of the old one. */
	assert_int_equal(rekey(n, &err), -EINVAL);
	assert_int_equal(
		nvram_set_wraps(n, disk_key, nvram_get_info(n)->wrap, 1, &err),
		-EKEYREJECTED);
	commit_ok(n, 3, LEN_A);
	nvram_close(n);
	expect_error(VTPM_ERR_KEY_WRONG);
	swap_keys();
	expect_state(3, LEN_A);
}

/* Over and over: the file does not grow with it. */
static void test_again_and_again(void **state)
{
	struct error err = { 0 };
	struct nvram *n;
	size_t len = 0;

	(void)state;
	two_commits(false);
	for (int i = 0; i < 40; i++) {
		n = open_ok();
		commit_ok(n, i, i < 20 ? 1000 : 145822);
		assert_int_equal(rekey(n, &err), 0);
		commit_ok(n, i + 100, 500);
		if (i % 2)
			assert_int_equal(nvram_mirror(n, &err), 0);
		nvram_close(n);
		swap_keys();
		expect_state(i + 100, 500);
		if (i == 2 || i == 24)
			len = disk.len;
		if ((i > 2 && i < 20) || i > 24)
			assert_int_equal(disk.len, len);
	}
}

static void test_deep_without_state(void **state)
{
	struct error err = { 0 };
	struct nvram *n;

	(void)state;
	create();
	n = open_ok();
	assert_int_equal(rekey(n, &err), 0);
	nvram_close(n);
	expect_error(VTPM_ERR_KEY_WRONG);
	swap_keys();
	expect_state(0, 0);
	n = open_ok();
	commit_ok(n, 1, LEN_A);
	nvram_close(n);
	expect_state(1, LEN_A);
}

/*
 * Each of its writes and syncs fails: the old key is in use, and stays it
 * through growth into the room that the new one was to have.
 */
static void test_deep_fails(void **state)
{
	struct error err = { 0 };
	struct nvram *n;
	int failed = 0;

	(void)state;
	for (int at = 1; at <= 6; at++) {
		for (size_t partial = 0; partial < 3; partial++) {
			two_commits(false);
			n = open_ok();
			disk.fail_in = at <= 3 ? at : 0;
			disk.fail_sync_in = at > 3 ? at - 3 : 0;
			disk.fail_errno = at & 1 ? -ENOSPC : -EIO;
			disk.fail_partial = partial * 100000;
			assert_true(rekey(n, &err) < 0);
			failed++;
			assert_int_equal(nvram_get_info(n)->data_key, 1);
			commit_ok(n, 3, 145822);
			nvram_close(n);
			expect_state(3, 145822);
			n = open_ok();
			assert_int_equal(rekey(n, &err), 0);
			nvram_close(n);
			swap_keys();
			expect_state(3, 145822);
		}
	}
	assert_int_equal(failed, 18);
}

/* Clones of one file that are rekeyed, to one key even, share no salt. */
static void test_nonces(void **state)
{
	uint8_t salt[20][NVRAM_SALT_LEN];
	struct error err = { 0 };
	uint8_t *common;
	size_t len;

	(void)state;
	two_commits(false);
	common = disk_save(&len);
	for (int i = 0; i < 20; i++) {
		struct nvram *n;

		disk_restore(common, len);
		n = open_ok();
		memcpy(salt[i], n->last.frame.salt, NVRAM_SALT_LEN);
		assert_int_equal(rekey(n, &err), 0);
		/* Both slots were sealed: two counters of the new session. */
		assert_memory_not_equal(salt[i], n->last.frame.salt,
					NVRAM_SALT_LEN);
		memcpy(salt[i], n->last.frame.salt, NVRAM_SALT_LEN);
		commit_ok(n, 3, LEN_A);
		assert_memory_equal(salt[i], n->last.frame.salt,
				    NVRAM_SALT_LEN);
		assert_int_equal(n->last.frame.counter, 3);
		for (int j = 0; j < i; j++)
			assert_memory_not_equal(salt[i], salt[j],
						NVRAM_SALT_LEN);
		nvram_close(n);
	}
	free(common);
}

/* Parts of the file as it was under the key before are no parts of it now. */
static void test_deep_swaps(void **state)
{
	struct nvram_region before[NVRAM_SLOTS], after[NVRAM_SLOTS];
	size_t old_len, len;
	struct error err = { 0 };
	uint8_t *old, *now;
	struct nvram *n;

	(void)state;
	two_commits(true);
	old = disk_save(&old_len);
	n = open_ok();
	memcpy(before, n->header.slot, sizeof(before));
	assert_int_equal(rekey(n, &err), 0);
	assert_int_equal(nvram_mirror(n, &err), 0);
	memcpy(after, n->header.slot, sizeof(after));
	nvram_close(n);
	now = disk_save(&len);
	for (int i = 0; i < NVRAM_SLOTS; i++)
		assert_true(after[i].capacity >= before[i].capacity);

	/* Headers of one time, slots of the other: neither key opens it. */
	for (int key = 0; key < 2; key++) {
		memcpy(disk.data, old, NVRAM_SLOT_START);
		expect_error(key ? VTPM_ERR_KEY_WRONG : VTPM_ERR_CORRUPT);
		disk_restore(now, len);
		for (int i = 0; i < NVRAM_SLOTS; i++)
			memcpy(disk.data + after[i].offset,
			       old + before[i].offset, before[i].capacity);
		expect_error(key ? VTPM_ERR_CORRUPT : VTPM_ERR_KEY_WRONG);
		disk_restore(now, len);
		swap_keys();
	}
	/* One header of before beside the one of now does no harm. */
	for (int copy = 0; copy < 2; copy++) {
		memcpy(disk.data + copy * NVRAM_PAGE, old + copy * NVRAM_PAGE,
		       NVRAM_PAGE);
		expect_error(VTPM_ERR_CORRUPT);
		swap_keys();
		expect_state(2, LEN_B);
		swap_keys();
		disk_restore(now, len);
	}
	/* All of before is a whole file: an older state, for the older key. */
	disk_restore(old, old_len);
	expect_state(2, LEN_B);
	swap_keys();
	expect_error(VTPM_ERR_KEY_WRONG);
	free(old);
	free(now);
}

/* A file of the first version stays one until its wraps change. */
static void test_version_1(void **state)
{
	struct error err = { 0 };
	struct nvram_wrap w;
	struct nvram *n;

	(void)state;
	two_commits(false);
	n = open_ok();
	n->header.info.version = NVRAM_VERSION_1;
	assert_int_equal(nvram_set_library(n, 0x000a0000, "", &err), 0);
	nvram_close(n);
	n = open_ok();
	assert_int_equal(nvram_get_info(n)->version, 1);
	assert_string_equal(nvram_get_info(n)->wrap[0].provider, "host");
	commit_ok(n, 3, 145822);
	assert_int_equal(nvram_get_info(n)->version, 1);
	wrap_fill(&w, "other", "a key");
	assert_int_equal(nvram_set_wraps(n, disk_key, &w, 1, &err), 0);
	nvram_close(n);
	n = open_ok();
	assert_int_equal(nvram_get_info(n)->version, NVRAM_VERSION_2);
	assert_true(holds(n, 3, 145822));
	nvram_close(n);
}

/* Whatever is done to a copy, it says what it is a copy of. */
static void test_origin(void **state)
{
	struct error err = { 0 };
	struct nvram_wrap w;
	struct nvram *n;

	(void)state;
	two_commits(false);
	n = open_ok();
	n->header.info.version = NVRAM_VERSION;
	memset(n->header.info.origin, 0x50, UUID_LEN);
	wrap_fill(&w, "other", "a key");
	assert_int_equal(nvram_set_wraps(n, disk_key, &w, 1, &err), 0);
	assert_int_equal(nvram_rekey(n, other_key, &w, 1, &err), 0);
	nvram_close(n);
	swap_keys();
	n = open_ok();
	assert_int_equal(nvram_get_info(n)->version, NVRAM_VERSION);
	for (int i = 0; i < UUID_LEN; i++)
		assert_int_equal(nvram_get_info(n)->origin[i], 0x50);
	assert_true(holds(n, 2, LEN_B));
	/* An older version has no room for it, and none is no copy. */
	n->header.info.version = NVRAM_VERSION_2;
	assert_true(nvram_set_wraps(n, disk_key, &w, 1, &err) < 0);
	nvram_close(n);
	swap_keys();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wraps),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_bad_wraps),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_again_and_again),
		cmocka_unit_test(test_deep_without_state),
		cmocka_unit_test(test_deep_fails),
		cmocka_unit_test(test_nonces),
		cmocka_unit_test(test_deep_swaps),
		cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_origin),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
