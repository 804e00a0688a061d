// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Power cuts at every write of random histories: creation, commits, growth,
 * mirrors, wraps, deep rekeys, and disks that fail. Between two syncs the disk
 * may have done any sectors of the writes, in any order. The file has to open
 * at the last answered command or the one in flight, with the data key that its
 * wraps are of, and with no other.
 *
 * POWERCUT_POINTS says how many points are tried, POWERCUT_SEED where to begin.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvram/testing/disk.h"

#define OPS 14
#define KEYS 3
#define MAX_OUTCOMES 24
/* 67 NV indices of 2048 bytes make a state of so many. */
#define LEN_LARGE 145822

struct outcome {
	unsigned int tag;
	uint32_t len;
	unsigned int key;
};

struct outcomes {
	struct outcome of[MAX_OUTCOMES];
	int n;
};

static struct secret *keys[KEYS];
static struct trace trace;
static unsigned int seed;
static long points;

/* What a history has come to, and what a cut in each of its steps may give. */
static struct history {
	struct nvram *n;
	struct outcome now;
	struct outcomes allowed;	    /* if the power goes now */
	struct outcomes in_flight[OPS + 1]; /* if it goes in that step */
} h;

static unsigned int any(unsigned int below)
{
	return rand_r(&seed) % below;
}

static void allow(struct outcomes *o, const struct outcome *what)
{
	assert_true(o->n < MAX_OUTCOMES);
	o->of[o->n++] = *what;
}

static void use_key(unsigned int key)
{
	disk_key = keys[key];
}

/* The key that the wraps are of, as the manager would find it; -1: refused. */
static int key_of_file(struct error *err)
{
	static struct nvram_pages p;
	int chosen;

	if (headers_read(&disk_ops, -1, "f", &p, err))
		return -1;
	chosen = headers_choose(&p, "f", err);
	return chosen < 0 ? -1 : p.header[chosen].info.wrap[0].data[0];
}

static void wrap_of(struct nvram_wrap *w, unsigned int key)
{
	wrap_fill(w, "host", "a key");
	w->data[0] = key;
}

static bool opens_with(unsigned int key)
{
	struct error err;
	struct nvram *n = NULL;

	if (nvram_open_with(&disk_ops, -1, "f", keys[key], &n, &err))
		return false;
	nvram_close(n);
	return true;
}

static bool is_allowed(const struct nvram *n, unsigned int key,
		       const struct outcomes *o)
{
	for (int i = 0; i < o->n; i++) {
		if (o->of[i].key == key && holds(n, o->of[i].tag, o->of[i].len))
			return true;
	}
	return false;
}

/* It goes on from there, and that holds. */
static void go_on(struct nvram *n)
{
	commit_ok(n, 999, 3000);
	nvram_close(n);
	expect_state(999, 3000);
}

static void check_point(int step, const char *what)
{
	struct error err = { 0 };
	int key = key_of_file(&err);
	struct nvram *n = NULL;

	points++;
	/* Before it has a name it need not be whole: nobody opens it. */
	if (!step && key < 0)
		return;
	if (key < 0 || key >= KEYS)
		fail_msg("step %d, %s: key %d: %s", step, what, key, err.text);
	for (unsigned int k = 0; k < KEYS; k++) {
		if ((int)k != key && opens_with(k))
			fail_msg("step %d, %s: opens with another key", step,
				 what);
	}
	use_key(key);
	if (nvram_open_with(&disk_ops, -1, "f", disk_key, &n, &err)) {
		if (!step)
			return;
		fail_msg("step %d, %s: %s", step, what, err.text);
	}
	if (!is_allowed(n, key, &h.in_flight[step]))
		fail_msg("step %d, %s: generation %llu, key %d is none of %d",
			 step, what, (unsigned long long)nvram_generation(n),
			 key, h.in_flight[step].n);
	if (points % 8)
		nvram_close(n);
	else
		go_on(n);
}

/* --- the steps of a history --------------------------------------------------
 */

static void step_commit(struct error *err)
{
	static const uint32_t lens[] = { 300, 2000, 5000, 14000, 20000 };
	struct outcome next = h.now;

	next.tag++;
	next.len = any(6) ? lens[any(5)] : LEN_LARGE;
	allow(&h.in_flight[trace.op], &next);
	if (!commit(h.n, next.tag, next.len, err)) {
		h.now = next;
		h.allowed = (struct outcomes){ { next }, 1 };
	} else {
		/* It may be on disk; the next one has another number. */
		allow(&h.allowed, &next);
		h.now.tag = next.tag;
	}
}

static void step_rekey(struct error *err)
{
	struct outcome next = { h.now.tag, h.now.len, (h.now.key + 1) % KEYS };
	struct outcomes before = h.allowed;
	struct nvram_wrap w;

	/* Of the last state that counts, which a failed commit was not. */
	for (int i = 0; i < before.n; i++) {
		next = before.of[i];
		next.key = (h.now.key + 1) % KEYS;
		allow(&h.in_flight[trace.op], &next);
	}
	wrap_of(&w, next.key);
	if (!nvram_rekey(h.n, keys[next.key], &w, 1, err)) {
		h.now.key = next.key;
		for (int i = 0; i < before.n; i++)
			h.allowed.of[i].key = next.key;
	} else {
		h.allowed = h.in_flight[trace.op];
	}
}

static void step_wraps(struct error *err)
{
	struct nvram_wrap w[2];

	wrap_of(&w[0], h.now.key);
	wrap_of(&w[1], h.now.key);
	strcpy(w[1].provider, "other");
	nvram_set_wraps(h.n, keys[h.now.key], w, 1 + any(2), err);
}

static void step_open_again(void)
{
	nvram_close(h.n);
	use_key(key_of_file(NULL));
	h.n = open_ok();
}

static void step(int op)
{
	struct error err = { 0 };
	bool fails = !any(5);

	trace.op = op;
	h.in_flight[op] = h.allowed;
	disk.fail_in = fails && any(2) ? 1 + any(3) : 0;
	disk.fail_sync_in = fails && !disk.fail_in ? 1 + any(3) : 0;
	disk.fail_errno = -EIO;
	disk.fail_partial = any(4) * 3000;
	switch (any(8)) {
	case 0:
	case 1:
		step_rekey(&err);
		break;
	case 2:
		step_wraps(&err);
		break;
	case 3:
		nvram_mirror(h.n, &err);
		break;
	case 4:
		/* After a failure it is open which one was found. */
		if (h.allowed.n == 1 && !fails) {
			step_open_again();
			break;
		}
		/* fall through */
	default:
		step_commit(&err);
	}
	disk.fail_in = disk.fail_sync_in = 0;
	/* Failures add up to more than one likes to follow. */
	if (h.allowed.n > MAX_OUTCOMES / 4) {
		struct outcome next = { h.now.tag + 1, 700, h.now.key };

		allow(&h.in_flight[op], &next);
		commit_ok(h.n, next.tag, next.len);
		h.now = next;
		h.allowed = (struct outcomes){ { next }, 1 };
	}
}

static void make_history(void)
{
	struct nvram_info info;
	struct error err;

	memset(&h, 0, sizeof(h));
	disk_reset();
	trace_clear(&trace);
	disk.trace = &trace;
	use_key(0);
	info_fill(&info);
	wrap_of(&info.wrap[0], 0);
	allow(&h.allowed, &h.now);
	h.in_flight[0] = h.allowed;
	assert_int_equal(
		nvram_create_with(&disk_ops, -1, "f", &info, disk_key, &err),
		0);
	h.n = open_ok();
	for (int op = 1; op <= OPS; op++)
		step(op);
	nvram_close(h.n);
	disk.trace = NULL;
}

/* --- the cuts ----------------------------------------------------------------
 */

static void put_part(const struct traced *w, size_t len)
{
	disk_put(w->data, len < w->len ? len : w->len, w->off);
}

/* The writes before @w are done, and of it the first bytes. */
static void cut_in_order(int first, int w, const uint8_t *base, size_t base_len,
			 int step)
{
	size_t len = trace.write[w].len, cut = 0;
	/*
	 * A failed record that is whole, and the next one cut inside its first
	 * sector, look like damage: see "Limits" in nvram-format.rst.
	 */
	bool whole_sectors = h.in_flight[step].n > 2;

	for (int i = 0; i < 8; i++) {
		disk_restore(base, base_len);
		for (int k = first; k < w; k++)
			put_part(&trace.write[k], trace.write[k].len);
		put_part(&trace.write[w], cut);
		check_point(step, "a prefix");
		/* None, all, between two sectors, and inside one. */
		cut = i == 0 ? len : any(len + 1);
		if (i % 3 || whole_sectors)
			cut -= cut % NVRAM_SECTOR;
	}
}

/* Sectors of all writes since the last sync, at random. */
static void cut_out_of_order(int first, int end, const uint8_t *base,
			     size_t base_len, int step)
{
	for (int round = 0; round < 6; round++) {
		unsigned int density = 2 + round;

		disk_restore(base, base_len);
		for (int w = first; w < end; w++) {
			const struct traced *t = &trace.write[w];

			for (size_t s = 0; s < t->len; s += NVRAM_SECTOR) {
				size_t n = t->len - s;

				if (!any(density))
					continue;
				if (n > NVRAM_SECTOR)
					n = NVRAM_SECTOR;
				disk_put(t->data + s, n, t->off + s);
			}
		}
		check_point(step, "reordered writes");
	}
}

static void cut_everywhere(void)
{
	size_t base_len = 0;
	uint8_t *base = calloc(1, DISK_MAX);
	int first = 0, end, step;

	for (; first < trace.n; first = end) {
		step = 0;
		for (end = first;
		     end < trace.n &&
		     trace.write[end].epoch == trace.write[first].epoch;
		     end++) {
			/* A hole of the step before may come late. */
			if (trace.write[end].op > step)
				step = trace.write[end].op;
		}
		for (int w = first; w < end; w++)
			cut_in_order(first, w, base, base_len, step);
		cut_out_of_order(first, end, base, base_len, step);
		disk_restore(base, base_len);
		for (int w = first; w < end; w++)
			put_part(&trace.write[w], trace.write[w].len);
		base_len = disk.len;
		memcpy(base, disk.data, base_len);
	}
	free(base);
}

static void test_power_cuts(void **state)
{
	const char *text = getenv("POWERCUT_POINTS");
	long wanted = text ? strtol(text, NULL, 10) : 1500;
	int histories = 0;

	(void)state;
	text = getenv("POWERCUT_SEED");
	seed = text ? strtoul(text, NULL, 10) : 1;
	while (points < wanted) {
		printf("# history %d, seed %u\n", ++histories, seed);
		make_history();
		cut_everywhere();
	}
	printf("# %ld crash points of %d histories, each opened as it should\n",
	       points, histories);
	assert_true(points >= wanted && histories > 0);
	disk_key = NULL;
	trace_clear(&trace);
}

static int set_up(void **state)
{
	(void)state;
	for (int i = 0; i < KEYS; i++)
		keys[i] = secret_random(NVRAM_KEY_LEN);
	return 0;
}

static int tear_down(void **state)
{
	for (int i = 0; i < KEYS; i++)
		secret_free(keys[i]);
	return disk_tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_cuts),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
