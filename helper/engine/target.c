// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "engine/target.h"
#include "swtpm/state.h"
#include "util/io.h"

static int write_swtpm(int fd, const struct secret *secret, const void *state,
		       uint32_t len, struct error *err)
{
	_cleanup_(swtpm_bytes) struct swtpm_bytes *file = NULL;
	int r = swtpm_state_encode(state, len, secret->len ? secret : NULL,
				   &file, err);

	if (r < 0)
		return r;
	r = pwrite_full(fd, file->data, file->len, 0);
	return r < 0 ? error_set(err, r,
				 r == -ENOSPC ? VTPM_ERR_NO_SPACE
					      : VTPM_ERR_STORAGE,
				 "cannot write the state for swtpm: %s",
				 strerror(-r))
		     : 0;
}

int target_write(const char *kind, int fd, const struct secret *secret,
		 const struct nvram *from, struct error *err)
{
	uint32_t len;
	const void *state = nvram_state(from, &len);

	if (!len)
		return error_set(err, -ENODATA, VTPM_ERR_CORRUPT,
				 "the file holds no TPM state; restore a "
				 "backup");
	if (!strcmp(kind, "swtpm"))
		return write_swtpm(fd, secret, state, len, err);
	return error_set(err, -EINVAL, VTPM_ERR_INVALID,
			 "there is no kind of state %s", kind);
}
