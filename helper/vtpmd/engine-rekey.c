// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "vtpmd/engine.h"

/* Some writes and their syncs, on a slow disk. */
#define REKEY_TIMEOUT_MS 60000

static int rekey_error(int r, const char *name, struct error *err)
{
	switch (r) {
	case -EOPNOTSUPP:
		return error_set(
			err, r, VTPM_ERR_NOT_SUPPORTED,
			"the engine of vTPM %s was started by an older "
			"version; stop and start the vTPM first",
			name);
	case -EAGAIN:
		return error_set(err, r, VTPM_ERR_STORAGE,
				 "vTPM %s waits for storage; nothing was "
				 "changed, make space on its file system first",
				 name);
	case -ENOSPC:
	case -EDQUOT:
	case -EFBIG:
		return error_set(err, r, VTPM_ERR_NO_SPACE,
				 "no space to rekey vTPM %s; nothing was "
				 "changed, make space on its file system and "
				 "repeat",
				 name);
	case -EKEYREJECTED:
		return error_set(err, r, VTPM_ERR_KEY_WRONG,
				 "vTPM %s runs with another data key than the "
				 "one in its file; nothing was changed",
				 name);
	case -EPIPE:
	case -ETIMEDOUT:
		return error_set(
			err, r, VTPM_ERR_ENGINE,
			"the engine of vTPM %s did not answer: %s; its "
			"file opens with the keys of before or with "
			"the new ones, see: vtpmctl show %s",
			name, strerror(-r), name);
	default:
		return error_set(err, r, VTPM_ERR_ENGINE,
				 "the engine of vTPM %s refused: %s; nothing "
				 "was changed",
				 name, strerror(-r));
	}
}

int engine_rekey(int sock, const char *name, bool deep,
		 const struct secret *key, const struct nvram_wrap *wraps,
		 uint32_t n, struct error *err)
{
	struct engine_rekey req = { .deep = deep, .n_wraps = n };
	int r = nvram_encode_wraps(wraps, n, req.wraps);

	if (r == -ENOSPC)
		return error_set(
			err, r, VTPM_ERR_INVALID,
			"the file of vTPM %s has no room for %u wraps; "
			"detach a provider first",
			name, n);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_PROVIDER,
				 "a provider's wrap for vTPM %s is not usable",
				 name);
	memcpy(req.key, key->data, sizeof(req.key));
	r = engine_transact(sock, ENGINE_OP_REKEY, REKEY_TIMEOUT_MS, &req,
			    sizeof(req), NULL, 0);
	explicit_bzero(&req, sizeof(req));
	return r < 0 ? rekey_error(r, name, err) : 0;
}
