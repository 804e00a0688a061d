// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvram/testing/disk.h"

struct disk disk;
struct secret *disk_key;

static ssize_t disk_read(int fd, void *buf, size_t len, off_t off)
{
	(void)fd;
	if ((size_t)off >= disk.len)
		return 0;
	if (len > disk.len - off)
		len = disk.len - off;
	memcpy(buf, disk.data + off, len);
	return len;
}

void disk_put(const void *buf, size_t len, off_t off)
{
	assert_true(off + len <= DISK_MAX);
	memcpy(disk.data + off, buf, len);
	if (off + len > disk.len)
		disk.len = off + len;
}

static void trace_add(const void *buf, size_t len, off_t off)
{
	struct trace *t = disk.trace;
	struct traced *w;

	if (!t)
		return;
	assert_true(t->n < TRACE_MAX);
	w = &t->write[t->n++];
	*w = (struct traced){ off, len, malloc(len), t->epoch, t->op };
	assert_non_null(w->data);
	memcpy(w->data, buf, len);
}

void trace_clear(struct trace *t)
{
	for (int i = 0; i < t->n; i++)
		free(t->write[i].data);
	memset(t, 0, sizeof(*t));
}

static int disk_write(int fd, const void *buf, size_t len, off_t off)
{
	struct written *w = &disk.log[disk.writes % MAX_WRITES];

	(void)fd;
	if (disk.fail_in && !--disk.fail_in) {
		if (len > disk.fail_partial)
			len = disk.fail_partial;
		trace_add(buf, len, off);
		disk_put(buf, len, off);
		return disk.fail_errno;
	}
	trace_add(buf, len, off);
	free(w->data);
	w->data = malloc(len);
	memcpy(w->data, buf, len);
	w->off = off;
	w->len = len;
	disk.writes++;
	disk_put(buf, len, off);
	return 0;
}

static int disk_sync(int fd)
{
	(void)fd;
	disk.syncs++;
	if (disk.fail_sync_in && !--disk.fail_sync_in)
		return -EIO;
	if (disk.trace)
		disk.trace->epoch++;
	return 0;
}

static void disk_punch(int fd, off_t off, off_t len)
{
	(void)fd;
	memset(disk.data + off, 0, len);
	trace_add(disk.data + off, len, off);
}

const struct nvram_ops disk_ops = {
	.read = disk_read,
	.write = disk_write,
	.sync = disk_sync,
	.punch = disk_punch,
	.random = random_bytes,
};

void disk_reset(void)
{
	for (int i = 0; i < MAX_WRITES; i++)
		free(disk.log[i].data);
	free(disk.data);
	memset(&disk, 0, sizeof(disk));
	disk.data = calloc(1, DISK_MAX);
	assert_non_null(disk.data);
}

uint8_t *disk_save(size_t *len)
{
	uint8_t *copy = malloc(disk.len);

	memcpy(copy, disk.data, disk.len);
	*len = disk.len;
	return copy;
}

void disk_restore(const uint8_t *copy, size_t len)
{
	memcpy(disk.data, copy, len);
	if (disk.len > len)
		memset(disk.data + len, 0, disk.len - len);
	disk.len = len;
}

void wrap_fill(struct nvram_wrap *w, const char *provider, const char *key_id)
{
	*w = (struct nvram_wrap){ .len = 48 };
	snprintf(w->provider, sizeof(w->provider), "%s", provider);
	snprintf(w->key_id, sizeof(w->key_id), "%s", key_id);
	memset(w->data, 0x5a, w->len);
}

void info_fill(struct nvram_info *info)
{
	memset(info, 0, sizeof(*info));
	uuid_new(info->uuid);
	strcpy(info->name, "web1");
	wrap_fill(&info->wrap[0], "host", "a key");
	info->n_wraps = 1;
	info->library_version = 0x00090000;
	info->created = 1700000000;
}

void create(void)
{
	struct nvram_info info;
	struct error err;

	disk_reset();
	info_fill(&info);
	assert_int_equal(
		nvram_create_with(&disk_ops, -1, "f", &info, disk_key, &err),
		0);
}

struct nvram *open_ok(void)
{
	struct error err = { 0 };
	struct nvram *n = NULL;

	if (nvram_open_with(&disk_ops, -1, "f", disk_key, &n, &err))
		fail_msg("%s: %s", err.code, err.text);
	return n;
}

uint8_t *make_state(unsigned int tag, uint32_t len)
{
	uint8_t *s = malloc(len);

	for (uint32_t i = 0; i < len; i++)
		s[i] = tag * 31 + i * 7 + (i >> 8);
	return s;
}

int commit(struct nvram *n, unsigned int tag, uint32_t len, struct error *err)
{
	uint8_t *s = make_state(tag, len);
	int r = nvram_commit(n, s, len, err);

	free(s);
	return r;
}

void commit_ok(struct nvram *n, unsigned int tag, uint32_t len)
{
	struct error err = { 0 };

	if (commit(n, tag, len, &err))
		fail_msg("%s: %s", err.code, err.text);
}

bool holds(const struct nvram *n, unsigned int tag, uint32_t len)
{
	uint32_t got;
	const void *p = nvram_state(n, &got);
	uint8_t *want = make_state(tag, len);
	bool same = got == len && (!len || !memcmp(p, want, len));

	free(want);
	return same;
}

void expect_state(unsigned int tag, uint32_t len)
{
	struct nvram *n = open_ok();

	assert_true(holds(n, tag, len));
	nvram_close(n);
}

void expect_error(const char *code)
{
	struct error err = { 0 };
	struct nvram *n = NULL;
	size_t len;
	uint8_t *before = disk_save(&len);

	assert_true(nvram_open_with(&disk_ops, -1, "the-file", disk_key, &n,
				    &err) < 0);
	assert_string_equal(err.code, code);
	assert_non_null(strstr(err.text, "the-file"));
	assert_int_equal(disk.len, len);
	assert_memory_equal(before, disk.data, len);
	free(before);
}

void two_commits(bool mirror)
{
	struct error err = { 0 };
	struct nvram *n;

	create();
	n = open_ok();
	commit_ok(n, 1, LEN_A);
	commit_ok(n, 2, LEN_B);
	if (mirror)
		assert_int_equal(nvram_mirror(n, &err), 0);
	nvram_close(n);
}

int disk_set_up(void **state)
{
	(void)state;
	disk_key = secret_random(NVRAM_KEY_LEN);
	return 0;
}

int disk_tear_down(void **state)
{
	(void)state;
	secret_free(disk_key);
	disk_reset();
	free(disk.data);
	return 0;
}
