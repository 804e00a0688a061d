// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "nvram/testing/checkpoint.h"

#define MAX_IMAGE (4 << 20)
#define MAX_STATES 32

const uint8_t image_uuid[UUID_LEN] = { 9 };

/* States by their number, from 1: a head that names it, and a body. */
static struct {
	uint32_t len;
	uint8_t *body;
} states[MAX_STATES];

struct secret *image_key(uint8_t byte)
{
	struct secret *k = secret_new(NVRAM_KEY_LEN);

	memset(k->data, byte, k->len);
	return k;
}

/* As state @number - 1, of @len bytes, but for @changed blocks at its begin. */
void image_state(unsigned int number, uint32_t len, unsigned int changed)
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

void image_write(unsigned int number)
{
	const uint8_t head = number;
	const struct checkpoint_part parts[] = {
		{ &head, 1 }, { states[number].body, states[number].len }
	};
	struct error err = { 0 };

	assert_int_equal(checkpoint_file_write(parts, 2, &err), 0);
}

struct image image_take(int fd)
{
	struct image m = { .data = calloc(1, MAX_IMAGE) };
	ssize_t n;

	assert_non_null(m.data);
	n = pread(fd, m.data, MAX_IMAGE, 0);
	assert_true(n > 0 && n < MAX_IMAGE);
	m.len = n;
	return m;
}

struct image image_copy(const struct image *m)
{
	struct image c = { m->len, calloc(1, MAX_IMAGE) };

	assert_non_null(c.data);
	memcpy(c.data, m->data, m->len);
	return c;
}

int image_put(const struct image *m)
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

int image_append(unsigned int i)
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
	_cleanup_(secret) struct secret *k = image_key(key_byte);
	struct checkpoint_stored c = { 0 };
	int number;

	*err = (struct error){ 0 };
	if (checkpoint_file_open(fd, image_uuid, k, &c, err))
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
int image_read(const struct image *m, uint8_t key_byte, struct error *err)
{
	int fd = image_put(m);
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

struct mapped_page *image_page(const struct image *m)
{
	return (void *)m->data;
}

int image_tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < MAX_STATES; i++) {
		free(states[i].body);
		states[i].body = NULL;
		states[i].len = 0;
	}
	return 0;
}
