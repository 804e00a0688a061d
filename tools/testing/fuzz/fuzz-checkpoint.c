// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The file of a checkpoint. The input is a list of steps: write a state, add to
 * the log, change bytes of the file, go on as another process. What has not been
 * tampered with has to be read as it was written; all else is refused, or is one
 * of the states that were written, with a log whose entries were added.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nvram/bytes.h"
#include "nvram/checkpoint-file.h"

#define MAX_STEPS 64
#define MARK 0x5a /* of what an entry begins with */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t uuid[UUID_LEN] = { 1 };

static struct {
	const uint8_t *p;
	size_t left;
	int fd;
	bool touched, written;
	uint32_t len;	      /* of the last state, in blocks */
	uint8_t states[256];  /* by their first byte: was one written? */
	unsigned int entries; /* since */
} f;

static uint32_t take(unsigned int bytes)
{
	uint32_t v = 0;

	while (bytes--) {
		v = v << 8 | (f.left ? *f.p : 0);
		f.p += f.left > 0;
		f.left -= f.left > 0;
	}
	return v;
}

static void require(bool what)
{
	if (!what)
		abort();
}

static void write_state(void)
{
	static uint8_t body[40000];
	uint8_t head = take(1);
	uint32_t from = take(2), count = take(2) % 2000;
	uint32_t len = take(2) % sizeof(body);
	const struct checkpoint_part parts[] = { { &head, 1 }, { body, len } };

	for (uint32_t i = 0; i < count; i++)
		body[(from + i) % sizeof(body)] += head;
	if (checkpoint_file_write(parts, 2, &(struct error){ 0 }))
		return;
	f.states[head] = 1;
	f.len = CHECKPOINT_ALIGN(1) + CHECKPOINT_ALIGN(parts[1].len);
	f.written = true;
	f.entries = 0;
}

static void append(void)
{
	uint8_t body[CHECKPOINT_MAX_ENTRY + 16];
	uint32_t len = 1 + take(2) % sizeof(body);
	const struct checkpoint_part part = { body, len };

	memset(body, MARK, sizeof(body));
	if (!checkpoint_file_append(&part, 1, &(struct error){ 0 }))
		f.entries++;
}

static void change(void)
{
	uint32_t where = take(2);
	uint8_t b;

	if (pread(f.fd, &b, 1, where) != 1)
		return;
	b ^= take(1);
	if (pwrite(f.fd, &b, 1, where) == 1)
		f.touched = true;
}

static void check(const struct checkpoint_stored *c)
{
	const uint8_t *p;
	uint32_t at = 0, len;
	unsigned int n = 0;

	require(c->len && f.states[c->state[0]]);
	while ((p = checkpoint_stored_entry(c, &at, &len))) {
		require(len > 0 && len <= CHECKPOINT_MAX_ENTRY);
		for (uint32_t i = 0; i < len; i++)
			require(p[i] == MARK);
		n++;
	}
	if (!f.touched)
		require(c->len == f.len && n == f.entries);
}

/* 0, or there is nothing to go on from. */
static int reopen(const struct secret *key)
{
	struct checkpoint_stored c = { 0 };
	int r = checkpoint_file_open(f.fd, uuid, key, &c, &(struct error){ 0 });

	if (!r)
		check(&c);
	else
		require(f.touched || !f.written);
	checkpoint_stored_clear(&c);
	return r;
}

static int one_step(const struct secret *key)
{
	switch (take(1) % 8) {
	case 0:
	case 1:
	case 2:
		write_state();
		return 0;
	case 3:
	case 4:
	case 5:
		append();
		return 0;
	case 6:
		change();
		return 0;
	default:
		return reopen(key);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct secret *key;
	int r;

	if (!key) {
		key = secret_new(NVRAM_KEY_LEN);
		require(key);
		memset(key->data, 7, key->len);
	}
	memset(&f, 0, sizeof(f));
	f.p = data;
	f.left = size;
	f.fd = memfd_create("checkpoint", MFD_CLOEXEC);
	r = checkpoint_file_create(f.fd, uuid, key, &(struct error){ 0 });
	for (int i = 0; !r && f.left && i < MAX_STEPS; i++)
		r = one_step(key);
	if (!r)
		reopen(key);
	checkpoint_file_close();
	close(f.fd);
	return 0;
}
