// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/source.h"
#include "swtpm/state.h"
#include "util/io.h"

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

/*
 * libtpms begins a state of a TPM 2.0 with a version, a magic number and the
 * version that a reader has to know. swtpm does not say which library it had.
 */
static int check_maker(const uint8_t *state, size_t len, struct nvram *to,
		       struct error *err)
{
	static const uint8_t magic[] = { 0xab, 0x36, 0x47, 0x23 };

	if (len < 8 || memcmp(state + 2, magic, sizeof(magic)))
		return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
				 "this is not the state of a TPM 2.0; one of a "
				 "TPM 1.2 cannot become a vTPM");
	/* 4 came with 0.10, for a TPM that has a profile. */
	return state[6] || state[7] > 3
		       ? nvram_set_library(to, 0x000a00, "", err)
		       : 0;
}

static int take_swtpm(int fd, const struct secret *secret, struct nvram *to,
		      struct error *err)
{
	_cleanup_(swtpm_bytes) struct swtpm_bytes *file = NULL, *state = NULL;
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;

	if (!r && st.st_size > SWTPM_MAX_FILE)
		return error_set(err, -EFBIG, VTPM_ERR_CORRUPT,
				 "the file is larger than any state of swtpm");
	if (!r) {
		file = swtpm_bytes_new(st.st_size);
		r = file ? pread_full(fd, file->data, file->len, 0) : -ENOMEM;
	}
	if (r < 0)
		return error_set(err, r, VTPM_ERR_STORAGE,
				 "cannot read the state of swtpm: %s",
				 strerror(-r));
	r = swtpm_state_decode(file->data, file->len,
			       secret->len ? secret : NULL, &state, err);
	if (!r)
		r = check_maker(state->data, state->len, to, err);
	return r < 0 ? r : nvram_commit(to, state->data, state->len, err);
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
		{ "swtpm", take_swtpm },
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
