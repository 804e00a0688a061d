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

#define FILE_LEN 40960

static uint8_t original[FILE_LEN];

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
	assert_int_equal(read(in, original, FILE_LEN), FILE_LEN);
	assert_int_equal(write(fd, original, FILE_LEN), FILE_LEN);
	close(in);
	return fd;
}

static void check(const char *name, unsigned int states)
{
	struct secret *key = secret_new(NVRAM_KEY_LEN);
	uint8_t now[FILE_LEN], want[3000];
	struct nvram_info info;
	struct error err = { 0 };
	struct nvram *n;
	int fd = load(name);
	const uint8_t *state;
	uint32_t len;

	for (int i = 0; i < NVRAM_KEY_LEN; i++)
		key->data[i] = i;
	assert_int_equal(nvram_read_header(fd, name, &info, &err), 0);
	assert_string_equal(info.name, "vector");
	assert_string_equal(info.provider, "host");
	assert_int_equal(info.wrapped_len, 88);
	assert_int_equal(info.created, 1700000000);
	assert_int_equal(info.generation, states);
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
	assert_int_equal(pread(fd, now, FILE_LEN, 0), FILE_LEN);
	assert_memory_equal(now, original, FILE_LEN);
	close(fd);
	secret_free(key);
}

static void test_empty(void **state)
{
	(void)state;
	check("v1-empty.nvram", 0);
}

static void test_state(void **state)
{
	(void)state;
	check("v1-state.nvram", 2);
}

static void test_mirrored(void **state)
{
	(void)state;
	check("v1-mirrored.nvram", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_mirrored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
