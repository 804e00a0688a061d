// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "engine/testing/engine.h"

int engine_new_file(int fd, const char *name, const struct secret *key,
		    struct error *err)
{
	struct nvram_info info = {
		.n_wraps = 1,
		.wrap = { { .provider = "p", .key_id = "k", .len = 1 } }
	};

	snprintf(info.name, sizeof(info.name), "%s", name);
	uuid_new(info.uuid);
	return nvram_create(fd, name, &info, key, err);
}

uint32_t engine_run(struct engine *e, uint32_t instance, uint64_t seq,
		    const struct command *c, uint8_t resp[ENGINE_MAX_COMMAND])
{
	const struct engine_command ec = {
		.instance = instance, .seq = seq, .data = c->data, .len = c->len
	};
	uint32_t len = engine_execute(e, &ec, resp);

	return response_code(resp, len);
}
