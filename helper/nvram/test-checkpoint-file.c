// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process that is killed in the middle of writing a checkpoint leaves one
 * that opens with the state of before or the new one, wherever that was; what
 * no kill explains is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "nvram/checkpoint-file.h"
#include "nvram/mapped.h"

#define MAX_IMAGE (4 << 20)
#define MAX_WRITES 8

struct image {
	size_t len;
	uint8_t *data;
};

static struct {
	unsigned int n;
	struct {
		off_t off;
		size_t len;
		uint8_t *data;
	} w[MAX_WRITES];
} writes;

static unsigned int points;

static int recording_write(int fd, const void *buf, size_t len, off_t off)
{
	assert_true(writes.n < MAX_WRITES);
	writes.w[writes.n].off = off;
	writes.w[writes.n].len = len;
	writes.w[writes.n].data = malloc(len);
	assert_non_null(writes.w[writes.n].data);
	memcpy(writes.w[writes.n++].data, buf, len);
	return mapped_ops.write(fd, buf, len, off);
}

static struct nvram_ops recording_ops;

static void forget_writes(void)
{
	while (writes.n)
		free(writes.w[--writes.n].data);
}

static struct secret *key(uint8_t byte)
{
	struct secret *k = secret_new(NVRAM_KEY_LEN);

	memset(k->data, byte, k->len);
	return k;
}

static const struct nvram_info *info(void)
{
	static struct nvram_info i = { .name = "test",
				       .uuid = { 9 },
				       .n_wraps = 1 };

	strcpy(i.wrap[0].provider, "p");
	strcpy(i.wrap[0].key_id, "k");
	i.wrap[0].len = 1;
	return &i;
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

static int put_image(const struct image *m)
{
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);

	assert_int_equal(pwrite(fd, m->data, m->len, 0), m->len);
	return fd;
}

/* The number of the state in the file, or -1 with the code in *err. */
static int state_of(const struct image *m, uint8_t key_byte, struct error *err)
{
	_cleanup_(secret) struct secret *k = key(key_byte);
	int fd = put_image(m), number = -1;
	struct nvram *n = NULL;
	const uint8_t *state;
	uint32_t len;

	*err = (struct error){ 0 };
	if (!checkpoint_file_open(fd, info()->uuid, k, &n, err)) {
		state = nvram_state(n, &len);
		number = len ? state[0] : 0;
		for (uint32_t i = 0; i < len; i++)
			assert_int_equal(state[i], number);
		nvram_close(n);
	}
	close(fd);
	return number;
}

/* The first writes whole, and of the last one [from, to). */
static void expect_cut(const struct image *before, unsigned int whole,
		       size_t from, size_t to, int old, int new)
{
	struct image m = { .data = calloc(1, MAX_IMAGE), .len = before->len };
	struct mapped_page *page = (void *)m.data;
	struct error err;
	int got;

	memcpy(m.data, before->data, before->len);
	for (unsigned int i = 0; i <= whole && i < writes.n; i++) {
		size_t at = NVRAM_PAGE + writes.w[i].off;
		size_t begin = i < whole ? 0 : from;
		size_t end = i < whole ? writes.w[i].len : to;

		if (at + writes.w[i].len > m.len)
			m.len = at + writes.w[i].len;
		memcpy(m.data + at + begin, writes.w[i].data + begin,
		       end - begin);
		if (i < whole)
			continue;
		page->write_start = writes.w[i].off;
		page->write_end = writes.w[i].off + writes.w[i].len;
	}
	got = state_of(&m, 1, &err);
	if (got != old && got != new)
		fail_msg("write %u, bytes %zu to %zu: state %d, %s", whole,
			 from, to, got, err.text);
	points++;
	free(m.data);
}

/* Every write of a commit, cut in many places, from either end. */
static void expect_cuts(const struct image *before, int old, int new)
{
	for (unsigned int i = 0; i < writes.n; i++) {
		size_t len = writes.w[i].len, step = len / 50 | 1;

		for (size_t cut = 0; cut < len; cut += step) {
			expect_cut(before, i, 0, cut, old, new);
			expect_cut(before, i, cut, len, old, new);
		}
		expect_cut(before, i, 0, len - 1, old, new);
		expect_cut(before, i, 0, len, old, new);
	}
}

static void commit(struct nvram *n, int number, uint32_t len)
{
	uint8_t *state = malloc(len);
	struct error err = { 0 };

	assert_non_null(state);
	memset(state, number, len);
	assert_int_equal(nvram_commit(n, state, len, &err), 0);
	free(state);
}

static void test_cuts(void **state)
{
	static const uint32_t sizes[] = { 9000,	 9100, 9000,   30000,
					  31000, 9000, 150000, 100 };
	_cleanup_(secret) struct secret *k = key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };
	struct nvram *n;

	(void)state;
	assert_int_equal(checkpoint_file_create(fd, info(), k, &n, &err), 0);
	recording_ops = mapped_ops;
	recording_ops.write = recording_write;
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct image before = take_image(fd), after;

		/* Opening an image has mapped another file. */
		assert_int_equal(mapped_open(fd), 0);
		n->ops = &recording_ops;
		commit(n, i + 1, sizes[i]);
		after = take_image(fd);
		expect_cuts(&before, i, i + 1);
		assert_int_equal(state_of(&after, 1, &err), i + 1);
		free(before.data);
		free(after.data);
		forget_writes();
	}
	nvram_close(n);
	close(fd);
	print_message("# %u crash points\n", points);
}

static struct image make_one(void)
{
	_cleanup_(secret) struct secret *k = key(1);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };
	struct image m;
	struct nvram *n;

	assert_int_equal(checkpoint_file_create(fd, info(), k, &n, &err), 0);
	commit(n, 1, 9000);
	commit(n, 2, 9000);
	nvram_close(n);
	m = take_image(fd);
	close(fd);
	return m;
}

static void test_damage(void **state)
{
	struct image m = make_one();
	struct error err;
	uint8_t *newest =
		m.data + NVRAM_PAGE + NVRAM_SLOT_START + NVRAM_SLOT_DEFAULT;

	(void)state;
	assert_int_equal(state_of(&m, 1, &err), 2);
	newest[700] ^= 1;
	assert_int_equal(state_of(&m, 1, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_CORRUPT);
	newest[700] ^= 1;
	assert_int_equal(state_of(&m, 2, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_KEY_WRONG);
	m.data[0] ^= 1;
	assert_int_equal(state_of(&m, 1, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_CORRUPT);
	free(m.data);
}

/* Until the other file has been switched over, both keys open this one. */
static void test_keys(void **state)
{
	_cleanup_(secret) struct secret *k1 = key(1), *k2 = key(2);
	int fd = memfd_create("checkpoint", MFD_CLOEXEC);
	struct error err = { 0 };
	struct image m;
	struct nvram *n;

	(void)state;
	assert_int_equal(checkpoint_file_create(fd, info(), k1, &n, &err), 0);
	commit(n, 5, 100);
	assert_int_equal(checkpoint_file_add(k2, &err), 0);
	m = take_image(fd);
	assert_int_equal(state_of(&m, 1, &err), 5);
	assert_int_equal(state_of(&m, 2, &err), 5);
	free(m.data);
	nvram_close(n);
	assert_int_equal(checkpoint_file_open(fd, info()->uuid, k1, &n, &err),
			 0);
	m = take_image(fd);
	assert_int_equal(state_of(&m, 2, &err), -1);
	free(m.data);
	nvram_close(n);
	assert_int_equal(checkpoint_file_open(fd, info()->uuid, k1, &n, &err),
			 0);
	assert_int_equal(checkpoint_file_add(k2, &err), 0);
	checkpoint_file_switch();
	m = take_image(fd);
	assert_int_equal(state_of(&m, 1, &err), -1);
	assert_string_equal(err.code, VTPM_ERR_KEY_WRONG);
	assert_int_equal(state_of(&m, 2, &err), 5);
	free(m.data);
	nvram_close(n);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests_name("checkpoint-file", tests, NULL,
					   NULL);
}
