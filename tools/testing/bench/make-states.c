// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * State files of many new TPMs, quickly: without endorsement keys and without
 * a manager. Their data key is no secret; the provider "bench" of scale.sh
 * hands it out.
 *
 *   make-states DIRECTORY FIRST LAST
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/tpm.h"
#include "util/secret.h"
#include "util/text.h"

static int make(const char *dir, uint32_t i, struct error *err)
{
	struct nvram_info info = {
		.n_wraps = 1,
		.wrap = { { .provider = "bench", .key_id = "1", .len = 1 } }
	};
	struct engine e = { .name = "bench",
			    .lock = PTHREAD_MUTEX_INITIALIZER };
	_cleanup_(secret) struct secret *key = secret_new(NVRAM_KEY_LEN);
	char path[512];
	int fd, r;

	snprintf(info.name, sizeof(info.name), "n%u", i);
	snprintf(path, sizeof(path), "%s/n%u.nvram", dir, i);
	random_bytes(info.uuid, sizeof(info.uuid));
	memset(key->data, 'k', key->len);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, -1, VTPM_ERR_STORAGE, "%s: %m", path);
	r = nvram_create(fd, path, &info, key, err);
	if (!r)
		r = nvram_open(fd, path, key, &e.nvram, err);
	if (!r)
		r = engine_power_on(&e, true, key, -1, err);
	if (!r)
		r = engine_stop(&e, err);
	nvram_close(e.nvram);
	tpm_power_off();
	close(fd);
	return r;
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	uint32_t first, last;

	if (argc != 4 || number_parse(argv[2], 1, 100000, &first) ||
	    number_parse(argv[3], 1, 100000, &last) || secret_init(NULL) < 0) {
		fputs("make-states DIRECTORY FIRST LAST\n", stderr);
		return 2;
	}
	for (uint32_t i = first; i <= last; i++) {
		if (make(argv[1], i, &err) < 0) {
			fprintf(stderr, "make-states: %s\n", err.text);
			return 1;
		}
	}
	return 0;
}
