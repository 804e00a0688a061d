// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vtpmd/checkpoint.h"

static int fail(const struct config *cfg, const char *name, const char *code,
		struct error *err)
{
	return error_set(err, -errno, code, "%s/checkpoint/%s: %s",
			 cfg->run_dir, name, strerror(errno));
}

int checkpoint_make(const struct config *cfg, const char *name, int *fd,
		    struct error *err)
{
	/* A new file: an engine that hangs may still have the one of before. */
	checkpoint_remove(cfg, name);
	*fd = openat(cfg->checkpoint_fd, name,
		     O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return *fd < 0 ? fail(cfg, name, VTPM_ERR_STORAGE, err) : 0;
}

int checkpoint_find(const struct config *cfg, const char *name, int *fd,
		    struct error *err)
{
	*fd = openat(cfg->checkpoint_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	return fail(cfg, name,
		    errno == ENOENT ? VTPM_ERR_CORRUPT : VTPM_ERR_STORAGE, err);
}

void checkpoint_remove(const struct config *cfg, const char *name)
{
	unlinkat(cfg->checkpoint_fd, name, 0);
}
