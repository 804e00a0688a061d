// SPDX-License-Identifier: GPL-2.0-or-later
/* unwrap-many: the data keys of many vTPMs by one run of the program. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "vtpmd/provider-call.h"

/* Each item may take so much longer: two round trips to a server far away. */
#define ITEM_TIMEOUT_MS 250
/* The end of vtpmd waits for it, and has a limit of its own (manager.c). */
#define MAX_TIMEOUT_MS 75000
/* Besides the keys: what a program writes too much does not block it. */
#define PIPE_ROOM 1024

static json_t *describe(const struct ready_key *k)
{
	_cleanup_free_ char *wrapped = base64_encode(k->wrap.data, k->wrap.len);
	char context[UUID_TEXT_LEN];

	uuid_format(k->uuid, context);
	return json_pack("{s:s, s:s, s:s}", "key-id", k->wrap.key_id, "context",
			 context, "wrapped", wrapped);
}

/* NULL if memory is short, or a key id is not UTF-8. */
static json_t *make_request(struct ready_key *const *items, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		if (json_array_append_new(list, describe(items[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{s:o}", "items", list);
}

static int count(const bool *opened, size_t n)
{
	int sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += opened[i];
	return sum;
}

/* All that there will be is in the pipe: its end is not waited for. */
static ssize_t read_all(int fd, struct secret *to)
{
	size_t n = 0;

	while (n < to->len) {
		ssize_t r = read(fd, to->data + n, to->len - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno != EAGAIN)
			return -errno;
		if (r <= 0)
			break;
		n += r;
	}
	return n;
}

/* All keys or none: where the lengths are not right, nobody knows whose is whose. */
static int take_keys(const char *name, int fd, const bool *opened,
		     struct ready_key *const *items, size_t n,
		     struct error *err)
{
	size_t want = (size_t)count(opened, n) * NVRAM_KEY_LEN, at = 0;
	_cleanup_(secret) struct secret *all = secret_new(want + 1);

	if (!all || read_all(fd, all) != (ssize_t)want)
		return provider_failed(
			err, name,
			"unwrap-many gave other keys than its lengths say");
	for (size_t i = 0; i < n; i++) {
		if (!opened[i])
			continue;
		items[i]->key = secret_new(NVRAM_KEY_LEN);
		if (items[i]->key)
			memcpy(items[i]->key->data, all->data + at,
			       NVRAM_KEY_LEN);
		at += NVRAM_KEY_LEN;
	}
	return 0;
}

static int key_pipe(size_t keys, int *rd, int *wr, struct error *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, -errno, VTPM_ERR_INTERNAL, "key pipe: %s",
				 strerror(errno));
	*rd = fds[0];
	*wr = fds[1];
	/* A user with many pipes gets small ones; nobody reads before the end. */
	if (fcntl(*wr, F_GETPIPE_SZ) <
		    (int)(keys * NVRAM_KEY_LEN) + PIPE_ROOM ||
	    fcntl(*rd, F_SETFL, O_NONBLOCK) < 0)
		return error_set(err, -ENOBUFS, VTPM_ERR_INTERNAL,
				 "the key pipe is too small");
	return 0;
}

int provider_unwrap_many(const struct config *cfg, const struct provider_ref *p,
			 struct ready_key *const *items, size_t n,
			 struct error *err)
{
	_cleanup_close_ int rd = -1, wr = -1;
	_cleanup_(json) json_t *reply = NULL;
	bool opened[PROVIDER_MAX_MANY] = { false };
	int timeout_ms = PROVIDER_TIMEOUT_MS + (int)n * ITEM_TIMEOUT_MS, r;

	if (timeout_ms > MAX_TIMEOUT_MS)
		timeout_ms = MAX_TIMEOUT_MS;
	if (!n || n > PROVIDER_MAX_MANY)
		return error_set(err, -EINVAL, VTPM_ERR_INTERNAL,
				 "%zu keys at once", n);
	r = key_pipe(n, &rd, &wr, err);
	if (r < 0)
		return r;
	r = provider_call_within(cfg, p, "unwrap-many", make_request(items, n),
				 -1, wr, timeout_ms, &reply, err);
	if (r < 0)
		return r;
	close(TAKE_FD(wr));
	r = provider_parse_results(p->name, reply, n, opened, err);
	return r < 0 ? r : take_keys(p->name, rd, opened, items, n, err);
}
