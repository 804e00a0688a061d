// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "engine/source.h"

static int take_nvram(int fd, const struct secret *secret, struct nvram *to,
		      struct error *err)
{
	_cleanup_(nvram) struct nvram *from = NULL;
	const struct nvram_info *info;
	const void *state;
	uint32_t len;
	int r = nvram_open(fd, "the file to copy", secret, &from, err);

	if (r < 0)
		return r;
	info = nvram_get_info(from);
	state = nvram_state(from, &len);
	if (!len)
		return error_set(err, -ENODATA, VTPM_ERR_CORRUPT,
				 "the file to copy holds no TPM state");
	r = nvram_set_library(to, info->library_version, info->profile, err);
	return r < 0 ? r : nvram_commit(to, state, len, err);
}

int source_take(const char *kind, int fd, const struct secret *secret,
		struct nvram *to, struct error *err)
{
	static const struct {
		const char *name;
		int (*take)(int fd, const struct secret *secret,
			    struct nvram *to, struct error *err);
	} kinds[] = {
		{ "nvram", take_nvram },
	};
	uint32_t len;

	nvram_state(to, &len);
	if (len)
		return error_set(err, -EEXIST, VTPM_ERR_EXISTS,
				 "the file holds a TPM already");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(kinds[i].name, kind))
			return kinds[i].take(fd, secret, to, err);
	}
	return error_set(err, -EINVAL, VTPM_ERR_INVALID,
			 "there is no kind of state %s", kind);
}
