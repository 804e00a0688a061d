// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process that is killed in the middle of writing a checkpoint leaves one
 * that opens with the state of before or the new one, wherever that was; what
 * no kill explains is refused; and no nonce comes twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "nvram/checkpoint-file-slots.h"
#include "nvram/testing/checkpoint.h"

static unsigned int points;

/* What was written between the two: a delta's place or a base's. */
static mapped_region written(const struct image *before,
			     const struct image *after)
{
	for (unsigned int i = 0; i < SLOTS_DELTAS + MAPPED_BASES; i++) {
		mapped_region r =
			i < SLOTS_DELTAS
				? region_make(1 + i, 1)
				: image_page(after)->base[i - SLOTS_DELTAS];

		if (r && memcmp(before->data + region_offset(r),
				after->data + region_offset(r), region_size(r)))
			return r;
	}
	fail_msg("nothing was written");
	return 0;
}

/* Of @r, [from, to) is new; the rest, and the first page, as before. */
static struct image cut_image(const struct image *before,
			      const struct image *after, mapped_region r,
			      size_t from, size_t to)
{
	struct image m = image_copy(before);
	size_t at = region_offset(r);

	if (at + region_size(r) > m.len)
		m.len = at + region_size(r);
	memcpy(m.data + at + from, after->data + at + from, to - from);
	image_page(&m)->writing = r;
	return m;
}

static void expect_cut(const struct image *before, const struct image *after,
		       size_t from, size_t to, int old, int new)
{
	mapped_region r = written(before, after);
	struct image m = cut_image(before, after, r, from, to);
	struct error err;
	int got = image_read(&m, 1, &err);

	if (got != old && got != new)
		fail_msg("state %d to %d, bytes %zu to %zu: %d, %s", old, new,
			 from, to, got, err.text);
	points++;
	free(m.data);
}

/* In many places, from either end. */
static void expect_cuts(const struct image *before, const struct image *after,
			int old, int new)
{
	size_t len = region_size(written(before, after)), step = len / 40 | 1;

	for (size_t cut = 0; cut < len; cut += step) {
		expect_cut(before, after, 0, cut, old, new);
		expect_cut(before, after, cut, len, old, new);
	}
	for (size_t cut = 0; cut < NVRAM_FRAME_LEN; cut += 8)
		expect_cut(before, after, 0, cut, old, new);
	expect_cut(before, after, 0, len - 1, old, new);
	expect_cut(before, after, 0, len, old, new);
}

/*
 * Killed in a write, and the next process in its first one, which is a base
 * wherever the torn one was.
 */
static void expect_second_cut(const struct image *before,
			      const struct image *after, int old, int new)
{
	mapped_region r = written(before, after);
	struct image m =
		cut_image(before, after, r, 0, region_size(r) / 40 + 100);
	_cleanup_(secret) struct secret *k = image_key(1);
	struct error err = { 0 };
	struct image second[2];
	struct checkpoint_stored c = { 0 };
	int fd = image_put(&m);

	assert_int_equal(checkpoint_file_open(fd, image_uuid, k, &c, &err), 0);
	checkpoint_stored_clear(&c);
	second[0] = image_take(fd);
	image_write(new);
	second[1] = image_take(fd);
	checkpoint_file_close();
	close(fd);
	expect_cuts(&second[0], &second[1], old, new);
	free(m.data);
	free(second[0].data);
	free(second[1].data);
}

static const struct {
	uint32_t len;
	unsigned int changed;
} steps[] = {
	{ 9000, 100 },	  { 9000, 1 },	 { 9000, 2 },	  { 9000, 3 },
	{ 9000, 100 },	  { 9000, 1 },	 { 9300, 0 },	  { 8000, 2 },
	{ 30000, 1000 },  { 30000, 4 },	 { 31000, 1000 }, { 31000, 0 },
	{ 150000, 1000 }, { 100, 1000 }, { 9000, 100 },	  { 9000, 14 },
	{ 9000, 15 },
};
#define N_STEPS (sizeof(steps) / sizeof(steps[0]))

/* images[i] has state i; images[0] has none. */
static void make_images(struct image images[N_STEPS + 1])
{
	_cleanup_(secret) struct secret *k = image_key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };

	assert_int_equal(checkpoint_file_create(fd, image_uuid, k, &err), 0);
	images[0] = image_take(fd);
	for (unsigned int i = 1; i <= N_STEPS; i++) {
		image_state(i, steps[i - 1].len, steps[i - 1].changed);
		image_write(i);
		images[i] = image_take(fd);
	}
	checkpoint_file_close();
	close(fd);
}

static void free_images(struct image images[N_STEPS + 1])
{
	for (unsigned int i = 0; i <= N_STEPS; i++)
		free(images[i].data);
}

static void test_cuts(void **state)
{
	struct image images[N_STEPS + 1];
	unsigned int deltas = 0;
	struct error err;

	(void)state;
	make_images(images);
	for (unsigned int i = 1; i <= N_STEPS; i++) {
		/* No engine serves before its first checkpoint is whole. */
		int old = i == 1 ? -1 : (int)i - 1;

		assert_int_equal(image_read(&images[i], 1, &err), i);
		expect_cuts(&images[i - 1], &images[i], old, i);
		if (i > 1)
			expect_second_cut(&images[i - 1], &images[i], old, i);
		deltas += region_offset(written(&images[i - 1], &images[i])) <
			  SLOTS_MIN_SIZE;
	}
	/* That little is written when little has changed. */
	assert_int_equal(deltas, 10);
	print_message("# %u crash points\n", points);
	free_images(images);
}

/*
 * The base before the one that counts is given back: what counts is still there,
 * and the next base is whole before it counts, wherever it is put.
 */
static void test_settle(void **state)
{
	_cleanup_(secret) struct secret *k = image_key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct image images[4];
	struct error err = { 0 };

	(void)state;
	assert_int_equal(checkpoint_file_create(fd, image_uuid, k, &err), 0);
	/* Before there is any state there is nothing to give. */
	checkpoint_file_settle();
	image_state(1, 9000, 1000);
	image_state(2, 9000, 1000);
	image_state(3, 9000, 1000);
	image_write(1);
	checkpoint_file_settle();
	image_write(2);
	images[0] = image_take(fd);
	checkpoint_file_settle();
	checkpoint_file_settle();
	assert_int_equal(image_append(1), 0);
	images[1] = image_take(fd);
	assert_true(image_page(&images[0])->base[0]);
	assert_true(!image_page(&images[1])->base[0]);
	image_write(3);
	images[2] = image_take(fd);
	image_write(2);
	images[3] = image_take(fd);
	checkpoint_file_close();
	close(fd);
	assert_int_equal(image_read(&images[0], 1, &err), 2);
	assert_int_equal(image_read(&images[1], 1, &err), 1002);
	assert_int_equal(image_read(&images[2], 1, &err), 3);
	assert_int_equal(image_read(&images[3], 1, &err), 2);
	expect_cuts(&images[1], &images[2], 1002, 3);
	expect_cuts(&images[2], &images[3], 3, 2);
	for (int i = 0; i < 4; i++)
		free(images[i].data);
}

/* Salt and counter of a record are its key and its nonce. */
static void test_nonces(void **state)
{
	struct image images[N_STEPS + 1];
	struct nvram_frame f[2 * N_STEPS];
	unsigned int n = 0;

	(void)state;
	for (int twice = 0; twice < 2; twice++) {
		make_images(images);
		for (unsigned int i = 1; i <= N_STEPS; i++) {
			mapped_region r = written(&images[i - 1], &images[i]);

			assert_int_equal(
				frame_decode(images[i].data + region_offset(r),
					     &f[n++]),
				0);
		}
		free_images(images);
	}
	for (unsigned int i = 0; i < n; i++) {
		for (unsigned int j = 0; j < i; j++)
			assert_false(
				f[i].counter == f[j].counter &&
				!memcmp(f[i].salt, f[j].salt, NVRAM_SALT_LEN));
	}
}

/* State 3: a base, and deltas in both places. */
static struct image make_one(void)
{
	struct image images[N_STEPS + 1], m;

	make_images(images);
	m = image_copy(&images[3]);
	free_images(images);
	return m;
}

/* One wrong byte, and it is the newest state or none. */
static void test_damage(void **state)
{
	struct image m = make_one();
	unsigned int refused = 0;
	struct error err;

	(void)state;
	assert_int_equal(image_read(&m, 1, &err), 3);
	for (size_t at = 0; at < m.len; at += at < 256 ? 1 : 61) {
		int got;

		m.data[at] ^= 0x41;
		got = image_read(&m, 1, &err);
		m.data[at] ^= 0x41;
		if (got != 3 && got != -1)
			fail_msg("byte %zu: state %d", at, got);
		refused += got < 0;
	}
	assert_true(refused > 100);
	m.data[MAPPED_PAGE + 300] ^= 1;
	assert_int_equal(image_read(&m, 1, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_CORRUPT);
	m.data[MAPPED_PAGE + 300] ^= 1;
	assert_int_equal(image_read(&m, 2, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_KEY_WRONG);
	free(m.data);
}

/* A delta fits the base that it was made for, and no other. */
static void test_stale_delta(void **state)
{
	struct image images[N_STEPS + 1], m;
	struct error err;

	(void)state;
	make_images(images);
	/* State 5 is a new base; put the newer deltas of the older one back. */
	m = image_copy(&images[5]);
	memcpy(m.data + MAPPED_PAGE, images[4].data + MAPPED_PAGE,
	       SLOTS_DELTAS * MAPPED_PAGE);
	assert_int_equal(image_read(&m, 1, &err), 5);
	free(m.data);
	free_images(images);
}

/* Until the other file has been switched over, both keys open this one. */
static void test_keys(void **state)
{
	_cleanup_(secret) struct secret *k1 = image_key(1), *k2 = image_key(2);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };
	struct checkpoint_stored c = { 0 };
	struct image m[3];

	(void)state;
	image_state(1, 100, 1000);
	assert_int_equal(checkpoint_file_create(fd, image_uuid, k1, &err), 0);
	image_write(1);
	assert_int_equal(checkpoint_file_add(k2, &err), 0);
	m[0] = image_take(fd);
	assert_int_equal(checkpoint_file_open(fd, image_uuid, k1, &c, &err), 0);
	checkpoint_stored_clear(&c);
	m[1] = image_take(fd);
	assert_int_equal(checkpoint_file_add(k2, &err), 0);
	checkpoint_file_switch();
	m[2] = image_take(fd);
	close(fd);
	assert_int_equal(image_read(&m[0], 1, &err), 1);
	assert_int_equal(image_read(&m[0], 2, &err), 1);
	assert_int_equal(image_read(&m[1], 2, &err), -1);
	assert_int_equal(image_read(&m[2], 1, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_KEY_WRONG);
	assert_int_equal(image_read(&m[2], 2, &err), 1);
	for (int i = 0; i < 3; i++)
		free(m[i].data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_nonces),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_stale_delta),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests_name("checkpoint-file", tests, NULL,
					   image_tear_down);
}
