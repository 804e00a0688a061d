// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "keys/credential.h"

int credential_read(const char *path, size_t max, const char *what,
		    struct secret **out, struct error *err)
{
	_cleanup_close_ int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_(secret) struct secret *s = NULL;
	int r = fd < 0 ? -errno : secret_read_fd(fd, max + 1, &s);

	if (!r && s->data[s->len - 1] == '\n')
		s->len--;
	if (!r && (!s->len || s->len > max))
		r = s->len ? -E2BIG : -ENODATA;
	if (r)
		return error_set(err, r, VTPM_ERR_PROVIDER,
				 "cannot read the %s from %s: %s; user "
				 "vtpm-keys has to be able to",
				 what, path, strerror(-r));
	*out = TAKE_PTR(s);
	return 0;
}
