// SPDX-License-Identifier: GPL-2.0-or-later
/* The state file in use: growth, full and failing disks, its header. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "nvram/testing/disk.h"

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

static void test_wrong_key(void **state)
{
	struct secret *right = disk_key;

	(void)state;
	two_commits(false);
	disk_key = secret_random(NVRAM_KEY_LEN);
	expect_error(VTPM_ERR_KEY_WRONG);
	secret_free(disk_key);
	disk_key = right;
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
	disk.data[8] = NVRAM_VERSION + 1;
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
	assert_int_equal(nvram_create(fd, "real", &info, disk_key, &err), 0);
	assert_int_equal(nvram_open(fd, "real", disk_key, &n, &err), 0);
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
	assert_string_equal(info.wrap[0].key_id, "a key");
	assert_int_equal(nvram_open(fd, "real", disk_key, &n, &err), 0);
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
	struct nvram_wrap w;
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
	wrap_fill(&w, "other", "disk_key 2");
	assert_int_equal(nvram_set_wraps(n, disk_key, &w, 1, &err), 0);
	assert_int_equal(disk.writes, 4);
	/* What no reader would take is not written. */
	wrap_fill(&w, "other", "key\n2");
	assert_true(nvram_set_wraps(n, disk_key, &w, 1, &err) < 0);
	assert_true(nvram_set_library(n, 0x000a0000, "x\x7f", &err) < 0);
	assert_int_equal(disk.writes, 4);
	/* A shallow rekey: not a byte of the slots changes. */
	assert_memory_equal(before + NVRAM_SLOT_START,
			    disk.data + NVRAM_SLOT_START,
			    len - NVRAM_SLOT_START);
	nvram_close(n);
	n = open_ok();
	assert_string_equal(nvram_get_info(n)->profile, "default-v2");
	assert_string_equal(nvram_get_info(n)->wrap[0].provider, "other");
	assert_int_equal(nvram_get_info(n)->n_wraps, 1);
	assert_true(holds(n, 2, LEN_B));
	nvram_close(n);
	free(before);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_header_fails_twice),
		cmocka_unit_test(test_mirror_fails),
		cmocka_unit_test(test_real_file),
		cmocka_unit_test(test_header_updates),
		cmocka_unit_test(test_nonces),
	};

	return cmocka_run_group_tests(tests, disk_set_up, disk_tear_down);
}
