/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a helper program may reach, on top of what every helper is started
 * with (spawn.h): a system call filter and, where the kernel has Landlock, a
 * view of the file system. Threat-model.rst has the table.
 */
#ifndef VTPM_VTPMD_SANDBOX_H
#define VTPM_VTPMD_SANDBOX_H

#include <jansson.h>

#include "vtpmd/config.h"
#include "vtpmd/filter.h"
#include "vtpmd/landlock.h"

/* Ready to be entered between fork and exec; one for each start. */
struct sandbox {
	struct sock_fprog filter;
	struct landlock view;
};

/*
 * For the key provider program @path of @type, its directory being @dir_fd
 * and its configuration @config, which may be NULL. VTPM_ERR_INTERNAL if it
 * cannot be made; a kernel without Landlock is logged once. @out is to be
 * freed on success.
 */
int sandbox_for_provider(const struct config *cfg, const char *type,
			 const char *path, int dir_fd, const json_t *config,
			 struct sandbox *out, struct error *err);
/* For vtpm-identity, which needs what it is handed and no more. */
int sandbox_for_identity(const char *path, struct sandbox *out,
			 struct error *err);
void sandbox_free(struct sandbox *s);

#endif
