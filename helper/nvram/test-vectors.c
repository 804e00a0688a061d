// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The files of tools/testing/vectors stay readable for ever. Run from the top
 * of the tree, or with VTPM_VECTORS set to the directory.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "nvram/store.h"

#define FILE_MAX (128 * 1024)

static uint8_t original[FILE_MAX];
static ssize_t file_len;

/* A copy in memory: opening may mend a file. */
static int load(const char *name)
{
	const char *dir = getenv("VTPM_VECTORS");
	int fd = memfd_create(name, MFD_CLOEXEC), in;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s",
		 dir ? dir : "tools/testing/vectors", name);
	in = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(in >= 0);
	file_len = read(in, original, FILE_MAX);
	assert_true(file_len >= 40960 && file_len < FILE_MAX);
	assert_int_equal(write(fd, original, file_len), file_len);
	close(in);
	return fd;
}

struct vector {
	const char *name;
	uint32_t version, states, wraps, data_key, generation;
};

static void check_header(int fd, const struct vector *v)
{
	static const char *const providers[] = { "host", "hsm" };
	struct nvram_info info = { 0 };
	struct error err = { 0 };

	assert_int_equal(nvram_read_header(fd, v->name, &info, &err), 0);
	assert_string_equal(info.name, "vector");
	assert_int_equal(info.version, v->version);
	assert_int_equal(info.data_key, v->data_key);
	assert_int_equal(info.n_wraps, v->wraps);
	for (uint32_t w = 0; w < v->wraps && w < 2; w++) {
		assert_string_equal(info.wrap[w].provider, providers[w]);
		assert_int_equal(info.wrap[w].len, 88);
	}
	assert_int_equal(info.created, 1700000000);
	assert_int_equal(info.generation, v->generation);
}

static void check(const struct vector *v)
{
	static uint8_t now[FILE_MAX];
	struct secret *key = secret_new(NVRAM_KEY_LEN);
	const char *name = v->name;
	unsigned int states = v->states;
	uint8_t want[3000];
	struct error err = { 0 };
	struct nvram *n;
	int fd = load(name);
	const uint8_t *state;
	uint32_t len;

	for (int i = 0; i < NVRAM_KEY_LEN; i++)
		key->data[i] = i + 0x20 * (v->data_key - 1);
	check_header(fd, v);
	if (nvram_open(fd, name, key, &n, &err))
		fail_msg("%s", err.text);
	state = nvram_state(n, &len);
	for (size_t i = 0; i < sizeof(want); i++)
		want[i] = i * 7 + states;
	assert_int_equal(len, states * 1000);
	if (len)
		assert_memory_equal(state, want, len);
	nvram_close(n);
	/* Nothing was wrong with it, so nothing was mended. */
	assert_int_equal(pread(fd, now, FILE_MAX, 0), file_len);
	assert_memory_equal(now, original, file_len);
	close(fd);
	secret_free(key);
}

static void test_version_1(void **state)
{
	static const struct vector vectors[] = {
		{ "v1-empty.nvram", 1, 0, 1, 1, 0 },
		{ "v1-state.nvram", 1, 2, 1, 1, 2 },
		{ "v1-mirrored.nvram", 1, 2, 1, 1, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		check(&vectors[i]);
}

static void test_version_2(void **state)
{
	static const struct vector vectors[] = {
		{ "v2-empty.nvram", 2, 0, 1, 1, 0 },
		{ "v2-wraps.nvram", 2, 2, 2, 1, 2 },
		{ "v2-rekeyed.nvram", 2, 2, 1, 2, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		check(&vectors[i]);
}

static void test_version_3(void **state)
{
	static const struct vector copy = { "v3-copy.nvram", 3, 1, 1, 1, 1 };
	struct nvram_info info = { 0 };
	int fd = load(copy.name);

	(void)state;
	check(&copy);
	assert_int_equal(nvram_read_header(fd, copy.name, &info, NULL), 0);
	for (int i = 0; i < UUID_LEN; i++)
		assert_int_equal(info.origin[i], 0x50 + i);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_version_2),
		cmocka_unit_test(test_version_3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
