// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The log behind a checkpoint's state: what a kill leaves of it, what is not of
 * the state that counts, what was changed.
 */
#include <errno.h>
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

/*
 * State @number, then @entries entries, and maybe the next state; images of
 * before the last step and after it.
 */
static void make_log(unsigned int entries, bool next_state,
		     struct image images[2])
{
	_cleanup_(secret) struct secret *k = image_key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };

	assert_int_equal(checkpoint_file_create(fd, image_uuid, k, &err), 0);
	assert_int_equal(image_append(1), -EAGAIN);
	image_state(1, 9000, 100);
	image_write(1);
	image_state(2, 9000, 2);
	for (unsigned int i = 1; i <= entries; i++) {
		if (i == entries && !next_state)
			images[0] = image_take(fd);
		assert_int_equal(image_append(i), 0);
	}
	if (next_state) {
		images[0] = image_take(fd);
		image_write(2);
	}
	images[1] = image_take(fd);
	checkpoint_file_close();
	close(fd);
}

/*
 * A record that was begun is not there; one that is whole and was not counted yet
 * is, as what it notes has been done.
 */
static void test_log_cuts(void **state)
{
	struct image images[2], m;
	struct error err;

	(void)state;
	for (unsigned int entries = 1; entries < 6; entries++) {
		mapped_region r;
		uint64_t from, to;
		int before = 1 + 1000 * ((int)entries - 1);

		make_log(entries, false, images);
		assert_int_equal(image_read(&images[0], 1, &err), before);
		assert_int_equal(image_read(&images[1], 1, &err),
				 before + 1000);
		r = image_page(&images[1])->log;
		from = image_page(&images[0])->log_used;
		to = image_page(&images[1])->log_used;
		assert_true(region_size(r) && from < to);
		/* Bytes that only fill up may be missing. */
		for (uint64_t cut = 0; cut <= to - from; cut++) {
			int got;

			m = image_copy(&images[1]);
			memset(m.data + region_offset(r) + from + cut, 0,
			       to - from - cut);
			image_page(&m)->log_used = from;
			got = image_read(&m, 1, &err);
			assert_true(got == before || (got == before + 1000 &&
						      cut + 16 > to - from));
			assert_true(cut < to - from || got == before + 1000);
			free(m.data);
		}
		free(images[0].data);
		free(images[1].data);
	}
}

/* The next state counts before its log is empty, and then without it. */
static void test_log_and_state(void **state)
{
	struct image images[2], m;
	struct error err;

	(void)state;
	make_log(3, true, images);
	assert_int_equal(image_read(&images[0], 1, &err), 3001);
	assert_int_equal(image_read(&images[1], 1, &err), 2);
	assert_int_equal(image_page(&images[1])->log_used, 0);
	m = image_copy(&images[1]);
	image_page(&m)->log_used = image_page(&images[0])->log_used;
	assert_int_equal(image_read(&m, 1, &err), 2);
	free(m.data);
	free(images[0].data);
	free(images[1].data);
}

/* Each of its bytes that counts is looked at; and so is how many count. */
static void test_log_damage(void **state)
{
	struct image images[2];
	unsigned int filling = 0, counts = 0;
	mapped_region r;
	struct error err;
	uint64_t used;

	(void)state;
	make_log(3, false, images);
	r = image_page(&images[1])->log;
	used = image_page(&images[1])->log_used;
	for (uint64_t at = 0; at < used; at++) {
		uint8_t *p = images[1].data + region_offset(r) + at;
		int got;

		*p ^= 0x10;
		got = image_read(&images[1], 1, &err);
		*p ^= 0x10;
		/* Bytes that only fill up are none. */
		if (got != -1 && got != 3001)
			fail_msg("byte %llu: %d", (unsigned long long)at, got);
		if (got == -1)
			assert_string_equal(err.code, VTPM_ERR_CORRUPT);
		else
			filling++;
	}
	assert_true(filling < 3 * 16);
	/* Of three, one that was not counted is; two are not forgotten. */
	for (uint64_t other = 0; other < 4 * used; other++) {
		int got;

		image_page(&images[1])->log_used = other;
		got = image_read(&images[1], 1, &err);
		assert_true(got == -1 || got == 3001);
		counts += got == 3001;
	}
	assert_int_equal(counts, 2);
	image_page(&images[1])->log_used = used;
	image_page(&images[1])->log = region_make(1000, 2);
	assert_int_equal(image_read(&images[1], 1, &err), -1);
	free(images[0].data);
	free(images[1].data);
}

/* A log that goes on from a state that is no longer there is not of this one. */
static void test_log_without_state(void **state)
{
	_cleanup_(secret) struct secret *k = image_key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };
	struct image m;

	(void)state;
	assert_int_equal(checkpoint_file_create(fd, image_uuid, k, &err), 0);
	image_state(1, 9000, 100);
	image_state(2, 9000, 2);
	image_write(1);
	image_write(2);
	assert_int_equal(image_append(1), 0);
	m = image_take(fd);
	checkpoint_file_close();
	close(fd);
	assert_int_equal(image_read(&m, 1, &err), 1002);
	memset(m.data + MAPPED_PAGE, 0, SLOTS_DELTAS * MAPPED_PAGE);
	assert_int_equal(image_read(&m, 1, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_CORRUPT);
	free(m.data);
}

/* It is full at some time, and a state empties it; nothing else is touched. */
static void test_log_full(void **state)
{
	_cleanup_(secret) struct secret *k = image_key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };
	static uint8_t big[CHECKPOINT_MAX_ENTRY + 1];
	const struct checkpoint_part parts[] = { { big, sizeof(big) } };
	struct checkpoint_stored c = { 0 };
	struct image m;
	int n = 0, r;

	(void)state;
	assert_int_equal(checkpoint_file_create(fd, image_uuid, k, &err), 0);
	image_state(1, 9000, 100);
	image_state(2, 9000, 100);
	image_write(1);
	assert_int_equal(checkpoint_file_append(parts, 1, &err), -EAGAIN);
	while (!(r = image_append(n + 1)))
		n++;
	assert_int_equal(r, -EAGAIN);
	assert_true(n > 15 && n < 100);
	m = image_take(fd);
	assert_int_equal(image_read(&m, 1, &err), 1 + 1000 * n);
	free(m.data);
	/* As a successor does: what it has read, and then its first state. */
	assert_int_equal(checkpoint_file_open(fd, image_uuid, k, &c, &err), 0);
	checkpoint_stored_clear(&c);
	assert_int_equal(image_append(1), -EAGAIN);
	image_write(2);
	assert_int_equal(image_append(1), 0);
	/* Not into what a larger base takes. */
	image_state(3, 90000, 1000);
	image_write(3);
	for (int i = 1; i < 5; i++)
		assert_int_equal(image_append(i), 0);
	m = image_take(fd);
	checkpoint_file_close();
	close(fd);
	assert_int_equal(image_read(&m, 1, &err), 4003);
	free(m.data);
}

/* A file of the release before, which had no log, opens, and gets one. */
static void test_log_older(void **state)
{
	_cleanup_(secret) struct secret *k = image_key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };
	struct checkpoint_stored c = { 0 };
	struct image m;

	(void)state;
	assert_int_equal(checkpoint_file_create(fd, image_uuid, k, &err), 0);
	image_state(1, 9000, 100);
	image_write(1);
	m = image_take(fd);
	image_page(&m)->version = MAPPED_OLDEST - 1;
	assert_int_equal(image_read(&m, 1, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_CORRUPT);
	image_page(&m)->version = MAPPED_OLDEST;
	close(fd);
	fd = image_put(&m);
	assert_int_equal(checkpoint_file_open(fd, image_uuid, k, &c, &err), 0);
	checkpoint_stored_clear(&c);
	image_write(1);
	assert_int_equal(image_append(1), 0);
	free(m.data);
	m = image_take(fd);
	assert_int_equal(image_page(&m)->version, MAPPED_VERSION);
	assert_int_equal(image_read(&m, 1, &err), 1001);
	free(m.data);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_cuts),
		cmocka_unit_test(test_log_and_state),
		cmocka_unit_test(test_log_damage),
		cmocka_unit_test(test_log_without_state),
		cmocka_unit_test(test_log_full),
		cmocka_unit_test(test_log_older),
	};

	return cmocka_run_group_tests_name("checkpoint-log", tests, NULL,
					   image_tear_down);
}
