// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes the test vectors of the state file, format version 1, into the
 * current directory. The files are checked in; nobody makes them anew for a
 * version that was released. See README.rst.
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

static void fill_info(struct nvram_info *info)
{
	for (int i = 0; i < UUID_LEN; i++)
		info->uuid[i] = 0x10 + i;
	strcpy(info->name, "vector");
	strcpy(info->provider, "host");
	strcpy(info->key_id, "00112233-4455-4677-8899-aabbccddeeff");
	strcpy(info->profile, "null");
	info->library_version = 0x00090602;
	info->created = 1700000000;
	info->wrapped_len = 88;
	for (int i = 0; i < 88; i++)
		info->wrapped[i] = 0xc0 ^ i;
}

static int write_states(struct nvram *n, int states, int mirror)
{
	struct error err;
	uint8_t state[3000];
	int r = 0;

	for (int s = 1; !r && s <= states; s++) {
		for (size_t i = 0; i < sizeof(state); i++)
			state[i] = i * 7 + s;
		r = nvram_commit(n, state, 1000 * s, &err);
	}
	if (!r && mirror)
		r = nvram_mirror(n, &err);
	if (r)
		fprintf(stderr, "%s\n", err.text);
	return r;
}

static int make(const char *file, int states, int mirror)
{
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	_cleanup_(secret) struct secret *key = secret_new(NVRAM_KEY_LEN);
	_cleanup_(nvram) struct nvram *n = NULL;
	struct nvram_ops ops = nvram_system_ops;
	struct nvram_info info = { 0 };
	struct error err;
	int r;

	if (fd < 0 || !key)
		return -1;
	ops.random = fixed_salt;
	for (int i = 0; i < NVRAM_KEY_LEN; i++)
		key->data[i] = i;
	fill_info(&info);
	r = nvram_create_with(&ops, fd, file, &info, key, &err);
	if (!r)
		r = nvram_open_with(&ops, fd, file, key, &n, &err);
	if (r)
		fprintf(stderr, "%s\n", err.text);
	else
		r = write_states(n, states, mirror);
	close(fd);
	return r;
}

int main(void)
{
	return make("v1-empty.nvram", 0, 0) || make("v1-state.nvram", 2, 0) ||
	       make("v1-mirrored.nvram", 2, 1);
}
