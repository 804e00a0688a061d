/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An engine in the process of a test or a benchmark. */
#ifndef VTPM_ENGINE_TESTING_ENGINE_H
#define VTPM_ENGINE_TESTING_ENGINE_H

#include "engine/engine.h"
#include "engine/testing/commands.h"

/* A vTPM's file in the empty @fd, with a UUID of its own and one wrap, of nothing. */
int engine_new_file(int fd, const char *name, const struct secret *key,
		    struct error *err);
/* As a command of the kernel with that number. The response code. */
uint32_t engine_run(struct engine *e, uint32_t instance, uint64_t seq,
		    const struct command *c, uint8_t resp[ENGINE_MAX_COMMAND]);

#endif
