// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes the test vectors of the state file, format versions 2 and 3, into the
 * current directory. The files are checked in; nobody makes them anew for a
 * version that was released, and those of version 1 are of the program of that
 * time. See README.rst.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "nvram/internal.h"

/* In place of random bytes: every session has the salt a0 a1 ... bf. */
static void fixed_salt(void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = 0xa0 + i;
}

static void fill_wrap(struct nvram_wrap *w, const char *provider, int xor)
{
	strcpy(w->provider, provider);
	strcpy(w->key_id, "00112233-4455-4677-8899-aabbccddeeff");
	w->len = 88;
	for (int i = 0; i < 88; i++)
		w->data[i] = 0xc0 ^ xor^i;
}

/* 00 01 .. 1f, 20 21 .. 3f and so on. */
static struct secret *data_key(int number)
{
	struct secret *key = secret_new(NVRAM_KEY_LEN);

	for (int i = 0; key && i < NVRAM_KEY_LEN; i++)
		key->data[i] = i + 0x20 * number;
	return key;
}

static void fill_info(struct nvram_info *info, bool copy)
{
	for (int i = 0; i < UUID_LEN; i++) {
		info->uuid[i] = 0x10 + i;
		info->origin[i] = copy ? 0x50 + i : 0;
	}
	strcpy(info->name, "vector");
	strcpy(info->profile, "null");
	info->library_version = 0x00090602;
	info->created = 1700000000;
	info->n_wraps = 1;
	fill_wrap(&info->wrap[0], "host", 0);
}

static int write_states(struct nvram *n, int states, struct error *err)
{
	uint8_t state[3000];
	int r = 0;

	for (int s = 1; !r && s <= states; s++) {
		for (size_t i = 0; i < sizeof(state); i++)
			state[i] = i * 7 + s;
		r = nvram_commit(n, state, 1000 * s, err);
	}
	return r;
}

static int set_wraps(struct nvram *n, const struct secret *key,
		     struct error *err)
{
	struct nvram_wrap wraps[2] = { 0 };

	fill_wrap(&wraps[0], "host", 0);
	fill_wrap(&wraps[1], "hsm", 0xff);
	return nvram_set_wraps(n, key, wraps, 2, err);
}

static int rekey(struct nvram *n, const struct secret *key, struct error *err)
{
	_cleanup_(secret) struct secret *new_key = data_key(1);
	struct nvram_wrap wrap = { 0 };

	(void)key;
	fill_wrap(&wrap, "host", 0x55);
	return nvram_rekey(n, new_key, &wrap, 1, err);
}

static int make(const char *file, int states, bool copy,
		int (*then)(struct nvram *n, const struct secret *key,
			    struct error *err))
{
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	_cleanup_(secret) struct secret *key = data_key(0);
	_cleanup_(nvram) struct nvram *n = NULL;
	struct nvram_ops ops = nvram_system_ops;
	struct nvram_info info = { 0 };
	struct error err;
	int r;

	if (fd < 0 || !key)
		return -1;
	ops.random = fixed_salt;
	fill_info(&info, copy);
	r = nvram_create_with(&ops, fd, file, &info, key, &err);
	if (!r)
		r = nvram_open_with(&ops, fd, file, key, &n, &err);
	if (!r)
		r = write_states(n, states, &err);
	if (!r && then)
		r = then(n, key, &err);
	if (r)
		fprintf(stderr, "%s\n", err.text);
	close(fd);
	return r;
}

int main(void)
{
	return make("v2-empty.nvram", 0, false, NULL) ||
	       make("v2-wraps.nvram", 2, false, set_wraps) ||
	       make("v2-rekeyed.nvram", 2, false, rekey) ||
	       make("v3-copy.nvram", 1, true, NULL);
}
