// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * States that swtpm has made, in a state file of ours, in libtpms, and out again.
 * Run from the top of the tree, or with VTPM_VECTORS set to the directory of
 * vectors.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/source.h"
#include "engine/target.h"
#include "engine/tpm.h"
#include "swtpm/state.h"

#define FILE_MAX (16 * 1024)

struct file {
	uint8_t data[FILE_MAX];
	size_t len;
};

static void read_file(int fd, struct file *out)
{
	ssize_t n = pread(fd, out->data, FILE_MAX, 0);

	assert_true(n >= 0 && n < FILE_MAX);
	out->len = n;
}

static int open_vector(const char *name, struct file *out)
{
	const char *dir = getenv("VTPM_VECTORS");
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/swtpm/%s",
		 dir ? dir : "tools/testing/vectors", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	read_file(fd, out);
	return fd;
}

static struct secret *data_key;

static struct nvram *open_nvram(int fd)
{
	struct error err = { 0 };
	struct nvram *n;

	if (nvram_open(fd, "test", data_key, &n, &err))
		fail_msg("%s", err.text);
	return n;
}

static struct nvram *new_nvram(int *fd)
{
	struct nvram_info info = { .name = "test", .n_wraps = 1 };
	struct error err = { 0 };

	*fd = memfd_create("test", MFD_CLOEXEC);
	snprintf(info.wrap[0].provider, sizeof(info.wrap[0].provider), "p");
	snprintf(info.wrap[0].key_id, sizeof(info.wrap[0].key_id), "k");
	info.wrap[0].len = 8;
	if (nvram_create(*fd, "test", &info, data_key, &err))
		fail_msg("%s", err.text);
	return open_nvram(*fd);
}

/* The key "hex" of the vectors, of @len bytes. */
static struct secret *vector_key(size_t len)
{
	struct secret *key = secret_new(len);

	for (size_t i = 0; i < len; i++)
		key->data[i] = i;
	return key;
}

/* A state file with the state of a vector. */
static struct nvram *take(const char *name, size_t key_len, int *fd,
			  struct file *original)
{
	struct secret *key = vector_key(key_len);
	struct nvram *n = new_nvram(fd);
	int in = open_vector(name, original);
	struct error err = { 0 };

	if (source_take("swtpm", in, key, n, &err))
		fail_msg("%s: %s", name, err.text);
	close(in);
	secret_free(key);
	nvram_close(n);
	return open_nvram(*fd);
}

static void test_there_and_back(void **state)
{
	static const struct {
		const char *name;
		size_t key_len;
	} vectors[] = {
		{ "0.7.1-plain.permall", 0 },
		{ "0.7.1-aes128-hex.permall", 16 },
		{ "0.7.1-aes256-hex.permall", 32 },
		{ "0.10.2-plain.permall", 0 },
	};
	static struct file original, back;

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct secret *key = vector_key(vectors[i].key_len);
		struct swtpm_bytes *a, *b;
		struct error err = { 0 };
		int fd, out = memfd_create("out", MFD_CLOEXEC);
		struct nvram *n = take(vectors[i].name, vectors[i].key_len, &fd,
				       &original);

		if (target_write("swtpm", out, key, n, &err))
			fail_msg("%s", err.text);
		read_file(out, &back);
		assert_int_equal(back.len, original.len);
		assert_int_equal(swtpm_state_decode(original.data, original.len,
						    key->len ? key : NULL, &a,
						    &err),
				 0);
		assert_int_equal(swtpm_state_decode(back.data, back.len,
						    key->len ? key : NULL, &b,
						    &err),
				 0);
		assert_int_equal(a->len, b->len);
		assert_memory_equal(a->data, b->data, a->len);
		swtpm_bytes_free(a);
		swtpm_bytes_free(b);
		nvram_close(n);
		secret_free(key);
		close(fd);
		close(out);
	}
}

/* As engine_power_on() does it. */
static int power_on(const char *name, uint32_t *made_by)
{
	static struct file original;
	struct tpm_saved saved = { 0 };
	struct error err = { 0 };
	int fd, r = -EPROTONOSUPPORT;
	struct nvram *n = take(name, 0, &fd, &original);

	*made_by = nvram_get_info(n)->library_version;
	saved.permanent = nvram_state(n, &saved.permanent_len);
	if (*made_by >> 8 <= tpm_library_version() >> 8)
		r = tpm_power_on(&saved, &err);
	if (!r)
		tpm_power_off();
	nvram_close(n);
	close(fd);
	return r;
}

static void test_libtpms(void **state)
{
	bool newer = tpm_library_version() >= 0x000a00;
	uint32_t made_by;

	(void)state;
	assert_int_equal(power_on("0.7.1-plain.permall", &made_by), 0);
	assert_int_equal(made_by, 0);
	assert_int_equal(power_on("0.10.2-plain.permall", &made_by), 0);
	assert_int_equal(made_by, 0);
	/* One with a profile is for libtpms 0.10. */
	assert_int_equal(power_on("0.10.2-profile.permall", &made_by),
			 newer ? 0 : -EPROTONOSUPPORT);
	assert_int_equal(made_by, 0x000a00);
}

/* The same frame, but not of a TPM 2.0. */
static void test_other_tpm(void **state)
{
	struct swtpm_bytes *file;
	struct secret *none = secret_new(0);
	int fd, in = memfd_create("in", MFD_CLOEXEC);
	struct nvram *n = new_nvram(&fd);
	struct error err = { 0 };

	(void)state;
	assert_int_equal(
		swtpm_state_encode("\0\1 TPM 1.2 state", 17, NULL, &file, &err),
		0);
	assert_int_equal(write(in, file->data, file->len), file->len);
	assert_true(source_take("swtpm", in, none, n, &err) < 0);
	assert_non_null(strstr(err.text, "TPM 1.2"));
	swtpm_bytes_free(file);
	secret_free(none);
	nvram_close(n);
	close(fd);
	close(in);
}

static void refused(int in, const char *kind, struct nvram *to,
		    const char *code)
{
	struct secret *none = secret_new(0);
	struct error err = { 0 };

	assert_true(source_take(kind, in, none, to, &err) < 0);
	assert_string_equal(err.code, code);
	secret_free(none);
}

static void test_refused(void **state)
{
	static struct file original;
	int fd, empty = memfd_create("empty", MFD_CLOEXEC), in;
	struct nvram *n = new_nvram(&fd);
	uint32_t len;

	(void)state;
	refused(empty, "swtpm", n, VTPM_ERR_CORRUPT);
	assert_int_equal(ftruncate(empty, SWTPM_MAX_FILE + 1), 0);
	refused(empty, "swtpm", n, VTPM_ERR_CORRUPT);
	in = open_vector("0.7.1-aes128-hex.permall", &original);
	refused(in, "swtpm", n, VTPM_ERR_KEY_WRONG);
	refused(in, "nothing", n, VTPM_ERR_INVALID);
	close(in);
	nvram_close(n);
	n = open_nvram(fd);
	nvram_state(n, &len);
	assert_int_equal(len, 0);
	nvram_close(n);
	close(fd);
	/* Not in place of another TPM. */
	n = take("0.7.1-plain.permall", 0, &fd, &original);
	in = open_vector("0.7.1-plain.permall", &original);
	refused(in, "swtpm", n, VTPM_ERR_EXISTS);
	close(in);
	nvram_close(n);
	close(fd);
	close(empty);
}

static void test_full(void **state)
{
	static struct file original;
	struct secret *none = secret_new(0);
	struct error err = { 0 };
	int fd, full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct nvram *n = take("0.7.1-plain.permall", 0, &fd, &original);

	(void)state;
	assert_true(full >= 0);
	assert_true(target_write("swtpm", full, none, n, &err) < 0);
	assert_string_equal(err.code, VTPM_ERR_NO_SPACE);
	assert_true(target_write("nothing", full, none, n, &err) < 0);
	assert_string_equal(err.code, VTPM_ERR_INVALID);
	secret_free(none);
	nvram_close(n);
	close(full);
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	if (secret_init(NULL))
		return -1;
	data_key = secret_random(NVRAM_KEY_LEN);
	return !data_key;
}

static int tear_down(void **state)
{
	(void)state;
	secret_free(data_key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_libtpms),
		cmocka_unit_test(test_other_tpm),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
