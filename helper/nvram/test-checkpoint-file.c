// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process that is killed in the middle of writing a checkpoint leaves one
 * that opens with the state of before or the new one, wherever that was; what
 * no kill explains is refused; and no nonce comes twice.
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
#include "nvram/format.h"

#define MAX_IMAGE (4 << 20)
#define MAX_STATES 32

static const uint8_t uuid[UUID_LEN] = { 9 };

struct image {
	size_t len;
	uint8_t *data;
};

/* States by their number, from 1: a head that names it, and a body. */
static struct {
	uint32_t len;
	uint8_t *body;
} states[MAX_STATES];

static unsigned int points;

static struct secret *key(uint8_t byte)
{
	struct secret *k = secret_new(NVRAM_KEY_LEN);

	memset(k->data, byte, k->len);
	return k;
}

/* As state @number - 1, of @len bytes, but for @changed blocks at its begin. */
static void make_state(unsigned int number, uint32_t len, unsigned int changed)
{
	uint32_t same = states[number - 1].len;
	uint8_t *body = malloc(len);

	assert_non_null(body);
	memset(body, number, len);
	if (changed * CHECKPOINT_BLOCK < same) {
		uint32_t from = changed * CHECKPOINT_BLOCK;
		uint32_t to = same < len ? same : len;

		if (from < to)
			memcpy(body + from, states[number - 1].body + from,
			       to - from);
	}
	free(states[number].body);
	states[number].body = body;
	states[number].len = len;
}

static void write_state(unsigned int number)
{
	const uint8_t head = number;
	const struct checkpoint_part parts[] = {
		{ &head, 1 }, { states[number].body, states[number].len }
	};
	struct error err = { 0 };

	assert_int_equal(checkpoint_file_write(parts, 2, &err), 0);
}

static struct image take_image(int fd)
{
	struct image m = { .data = calloc(1, MAX_IMAGE) };
	ssize_t n;

	assert_non_null(m.data);
	n = pread(fd, m.data, MAX_IMAGE, 0);
	assert_true(n > 0 && n < MAX_IMAGE);
	m.len = n;
	return m;
}

static struct image copy_image(const struct image *m)
{
	struct image c = { m->len, calloc(1, MAX_IMAGE) };

	assert_non_null(c.data);
	memcpy(c.data, m->data, m->len);
	return c;
}

static int put_image(const struct image *m)
{
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);

	assert_int_equal(pwrite(fd, m->data, m->len, 0), m->len);
	return fd;
}

/* Entry @i of a log: as long as nothing else is, and its number all over. */
static uint32_t entry_len(unsigned int i)
{
	return 50 + i % 7 * 40;
}

static int append_entry(unsigned int i)
{
	uint8_t head = i, body[400];
	const struct checkpoint_part parts[] = { { &head, 1 },
						 { body, entry_len(i) - 1 } };
	struct error err = { 0 };

	memset(body, i, sizeof(body));
	return checkpoint_file_append(parts, 2, &err);
}

/* How many there are, in order and as they were. */
static int check_entries(const struct checkpoint_stored *c)
{
	const uint8_t *p;
	uint32_t at = 0, len;
	int n = 0;

	while ((p = checkpoint_stored_entry(c, &at, &len))) {
		assert_int_equal(len, entry_len(++n));
		for (uint32_t i = 0; i < len; i++)
			assert_int_equal(p[i], n);
	}
	return n;
}

/* The number of the state in the file, and 1000 for each entry of its log; or
 * -1 with the code in *err. */
static int state_in(int fd, uint8_t key_byte, struct error *err)
{
	_cleanup_(secret) struct secret *k = key(key_byte);
	struct checkpoint_stored c = { 0 };
	int number;

	*err = (struct error){ 0 };
	if (checkpoint_file_open(fd, uuid, k, &c, err))
		return -1;
	number = c.state[0];
	assert_true(number > 0 && number < MAX_STATES);
	assert_int_equal(c.len, CHECKPOINT_BLOCK +
					CHECKPOINT_ALIGN(states[number].len));
	assert_memory_equal(c.state + CHECKPOINT_BLOCK, states[number].body,
			    states[number].len);
	number += 1000 * check_entries(&c);
	checkpoint_stored_clear(&c);
	return number;
}

/* And once more, since opening mends what a kill has left. */
static int state_of(const struct image *m, uint8_t key_byte, struct error *err)
{
	int fd = put_image(m);
	int number = state_in(fd, key_byte, err);
	struct error again;

	if (number > 0) {
		((struct mapped_page *)mapped_first_page())->writing = 0;
		assert_int_equal(state_in(fd, key_byte, &again), number);
	}
	checkpoint_file_close();
	close(fd);
	return number;
}

static struct mapped_page *page_of(const struct image *m)
{
	return (void *)m->data;
}

/* What was written between the two: a delta's place or a base's. */
static mapped_region written(const struct image *before,
			     const struct image *after)
{
	for (unsigned int i = 0; i < SLOTS_DELTAS + MAPPED_BASES; i++) {
		mapped_region r =
			i < SLOTS_DELTAS
				? region_make(1 + i, 1)
				: page_of(after)->base[i - SLOTS_DELTAS];

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
	struct image m = copy_image(before);
	size_t at = region_offset(r);

	if (at + region_size(r) > m.len)
		m.len = at + region_size(r);
	memcpy(m.data + at + from, after->data + at + from, to - from);
	page_of(&m)->writing = r;
	return m;
}

static void expect_cut(const struct image *before, const struct image *after,
		       size_t from, size_t to, int old, int new)
{
	mapped_region r = written(before, after);
	struct image m = cut_image(before, after, r, from, to);
	struct error err;
	int got = state_of(&m, 1, &err);

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
	_cleanup_(secret) struct secret *k = key(1);
	struct error err = { 0 };
	struct image second[2];
	struct checkpoint_stored c = { 0 };
	int fd = put_image(&m);

	assert_int_equal(checkpoint_file_open(fd, uuid, k, &c, &err), 0);
	checkpoint_stored_clear(&c);
	second[0] = take_image(fd);
	write_state(new);
	second[1] = take_image(fd);
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
	_cleanup_(secret) struct secret *k = key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };

	assert_int_equal(checkpoint_file_create(fd, uuid, k, &err), 0);
	images[0] = take_image(fd);
	for (unsigned int i = 1; i <= N_STEPS; i++) {
		make_state(i, steps[i - 1].len, steps[i - 1].changed);
		write_state(i);
		images[i] = take_image(fd);
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

		assert_int_equal(state_of(&images[i], 1, &err), i);
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
	m = copy_image(&images[3]);
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
	assert_int_equal(state_of(&m, 1, &err), 3);
	for (size_t at = 0; at < m.len; at += at < 256 ? 1 : 61) {
		int got;

		m.data[at] ^= 0x41;
		got = state_of(&m, 1, &err);
		m.data[at] ^= 0x41;
		if (got != 3 && got != -1)
			fail_msg("byte %zu: state %d", at, got);
		refused += got < 0;
	}
	assert_true(refused > 100);
	m.data[MAPPED_PAGE + 300] ^= 1;
	assert_int_equal(state_of(&m, 1, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_CORRUPT);
	m.data[MAPPED_PAGE + 300] ^= 1;
	assert_int_equal(state_of(&m, 2, &err), -1);
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
	m = copy_image(&images[5]);
	memcpy(m.data + MAPPED_PAGE, images[4].data + MAPPED_PAGE,
	       SLOTS_DELTAS * MAPPED_PAGE);
	assert_int_equal(state_of(&m, 1, &err), 5);
	free(m.data);
	free_images(images);
}

/*
 * State @number, then @entries entries, and maybe the next state; images of
 * before the last step and after it.
 */
static void make_log(unsigned int entries, bool next_state,
		     struct image images[2])
{
	_cleanup_(secret) struct secret *k = key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };

	assert_int_equal(checkpoint_file_create(fd, uuid, k, &err), 0);
	assert_int_equal(append_entry(1), -EAGAIN);
	make_state(1, 9000, 100);
	write_state(1);
	make_state(2, 9000, 2);
	for (unsigned int i = 1; i <= entries; i++) {
		if (i == entries && !next_state)
			images[0] = take_image(fd);
		assert_int_equal(append_entry(i), 0);
	}
	if (next_state) {
		images[0] = take_image(fd);
		write_state(2);
	}
	images[1] = take_image(fd);
	checkpoint_file_close();
	close(fd);
}

/* A record that was begun, in part or whole, and not counted yet, is not there. */
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
		assert_int_equal(state_of(&images[0], 1, &err), before);
		assert_int_equal(state_of(&images[1], 1, &err), before + 1000);
		r = page_of(&images[1])->log;
		from = page_of(&images[0])->log_used;
		to = page_of(&images[1])->log_used;
		assert_true(region_size(r) && from < to);
		for (uint64_t cut = 0; cut <= to - from; cut += 3) {
			m = copy_image(&images[1]);
			memset(m.data + region_offset(r) + from + cut, 0,
			       to - from - cut);
			page_of(&m)->log_used = from;
			assert_int_equal(state_of(&m, 1, &err), before);
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
	assert_int_equal(state_of(&images[0], 1, &err), 3001);
	assert_int_equal(state_of(&images[1], 1, &err), 2);
	assert_int_equal(page_of(&images[1])->log_used, 0);
	m = copy_image(&images[1]);
	page_of(&m)->log_used = page_of(&images[0])->log_used;
	assert_int_equal(state_of(&m, 1, &err), 2);
	free(m.data);
	free(images[0].data);
	free(images[1].data);
}

/* Each of its bytes that counts is looked at; and so is how many count. */
static void test_log_damage(void **state)
{
	struct image images[2];
	unsigned int filling = 0;
	mapped_region r;
	struct error err;
	uint64_t used;

	(void)state;
	make_log(3, false, images);
	r = page_of(&images[1])->log;
	used = page_of(&images[1])->log_used;
	for (uint64_t at = 0; at < used; at++) {
		uint8_t *p = images[1].data + region_offset(r) + at;
		int got;

		*p ^= 0x10;
		got = state_of(&images[1], 1, &err);
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
	for (uint64_t other = 1; other < 4 * used; other += 5) {
		page_of(&images[1])->log_used = other;
		assert_true(other == used ||
			    state_of(&images[1], 1, &err) != 3001);
	}
	page_of(&images[1])->log_used = used;
	page_of(&images[1])->log = region_make(1000, 2);
	assert_int_equal(state_of(&images[1], 1, &err), -1);
	free(images[0].data);
	free(images[1].data);
}

/* A log that goes on from a state that is no longer there is not of this one. */
static void test_log_without_state(void **state)
{
	_cleanup_(secret) struct secret *k = key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };
	struct image m;

	(void)state;
	assert_int_equal(checkpoint_file_create(fd, uuid, k, &err), 0);
	make_state(1, 9000, 100);
	make_state(2, 9000, 2);
	write_state(1);
	write_state(2);
	assert_int_equal(append_entry(1), 0);
	m = take_image(fd);
	checkpoint_file_close();
	close(fd);
	assert_int_equal(state_of(&m, 1, &err), 1002);
	memset(m.data + MAPPED_PAGE, 0, SLOTS_DELTAS * MAPPED_PAGE);
	assert_int_equal(state_of(&m, 1, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_CORRUPT);
	free(m.data);
}

/* It is full at some time, and a state empties it; nothing else is touched. */
static void test_log_full(void **state)
{
	_cleanup_(secret) struct secret *k = key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };
	static uint8_t big[CHECKPOINT_MAX_ENTRY + 1];
	const struct checkpoint_part parts[] = { { big, sizeof(big) } };
	struct checkpoint_stored c = { 0 };
	struct image m;
	int n = 0, r;

	(void)state;
	assert_int_equal(checkpoint_file_create(fd, uuid, k, &err), 0);
	make_state(1, 9000, 100);
	make_state(2, 9000, 100);
	write_state(1);
	assert_int_equal(checkpoint_file_append(parts, 1, &err), -EAGAIN);
	while (!(r = append_entry(n + 1)))
		n++;
	assert_int_equal(r, -EAGAIN);
	assert_true(n > 15 && n < 100);
	m = take_image(fd);
	assert_int_equal(state_of(&m, 1, &err), 1 + 1000 * n);
	free(m.data);
	/* As a successor does: what it has read, and then its first state. */
	assert_int_equal(checkpoint_file_open(fd, uuid, k, &c, &err), 0);
	checkpoint_stored_clear(&c);
	assert_int_equal(append_entry(1), -EAGAIN);
	write_state(2);
	assert_int_equal(append_entry(1), 0);
	/* Not into what a larger base takes. */
	make_state(3, 90000, 1000);
	write_state(3);
	for (int i = 1; i < 5; i++)
		assert_int_equal(append_entry(i), 0);
	m = take_image(fd);
	checkpoint_file_close();
	close(fd);
	assert_int_equal(state_of(&m, 1, &err), 4003);
	free(m.data);
}

/* A file of the release before, which had no log, opens, and gets one. */
static void test_log_older(void **state)
{
	_cleanup_(secret) struct secret *k = key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };
	struct checkpoint_stored c = { 0 };
	struct image m;

	(void)state;
	assert_int_equal(checkpoint_file_create(fd, uuid, k, &err), 0);
	make_state(1, 9000, 100);
	write_state(1);
	m = take_image(fd);
	page_of(&m)->version = MAPPED_OLDEST - 1;
	assert_int_equal(state_of(&m, 1, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_CORRUPT);
	page_of(&m)->version = MAPPED_OLDEST;
	close(fd);
	fd = put_image(&m);
	assert_int_equal(checkpoint_file_open(fd, uuid, k, &c, &err), 0);
	checkpoint_stored_clear(&c);
	write_state(1);
	assert_int_equal(append_entry(1), 0);
	free(m.data);
	m = take_image(fd);
	assert_int_equal(page_of(&m)->version, MAPPED_VERSION);
	assert_int_equal(state_of(&m, 1, &err), 1001);
	free(m.data);
	close(fd);
}

/* Until the other file has been switched over, both keys open this one. */
static void test_keys(void **state)
{
	_cleanup_(secret) struct secret *k1 = key(1), *k2 = key(2);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };
	struct checkpoint_stored c = { 0 };
	struct image m[3];

	(void)state;
	make_state(1, 100, 1000);
	assert_int_equal(checkpoint_file_create(fd, uuid, k1, &err), 0);
	write_state(1);
	assert_int_equal(checkpoint_file_add(k2, &err), 0);
	m[0] = take_image(fd);
	assert_int_equal(checkpoint_file_open(fd, uuid, k1, &c, &err), 0);
	checkpoint_stored_clear(&c);
	m[1] = take_image(fd);
	assert_int_equal(checkpoint_file_add(k2, &err), 0);
	checkpoint_file_switch();
	m[2] = take_image(fd);
	close(fd);
	assert_int_equal(state_of(&m[0], 1, &err), 1);
	assert_int_equal(state_of(&m[0], 2, &err), 1);
	assert_int_equal(state_of(&m[1], 2, &err), -1);
	assert_int_equal(state_of(&m[2], 1, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_KEY_WRONG);
	assert_int_equal(state_of(&m[2], 2, &err), 1);
	for (int i = 0; i < 3; i++)
		free(m[i].data);
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < MAX_STATES; i++)
		free(states[i].body);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_nonces),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_stale_delta),
		cmocka_unit_test(test_log_cuts),
		cmocka_unit_test(test_log_and_state),
		cmocka_unit_test(test_log_damage),
		cmocka_unit_test(test_log_without_state),
		cmocka_unit_test(test_log_full),
		cmocka_unit_test(test_log_older),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests_name("checkpoint-file", tests, NULL,
					   tear_down);
}
