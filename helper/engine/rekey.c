// SPDX-License-Identifier: GPL-2.0-or-later
/* The engine has the file and its lock, so whoever rekeys asks it to. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/protocol.h"
#include "nvram/checkpoint-file.h"

/* Whichever key the file has after a kill, it opens the checkpoint. */
static int deep_rekey(struct engine *e, const struct secret *key,
		      const struct nvram_wrap *wraps, uint32_t n,
		      struct error *err)
{
	int r = e->checkpoint ? checkpoint_file_add(key, err) : 0;

	if (r)
		return r;
	r = nvram_rekey(e->nvram, key, wraps, n, err);
	/* After a failure the new one may be on disk all the same. */
	if (!r && e->checkpoint)
		checkpoint_file_switch();
	return r;
}

int engine_rekey(struct engine *e, const struct engine_rekey *r,
		 struct error *err)
{
	_cleanup_(secret) struct secret *key = secret_new(NVRAM_KEY_LEN);
	struct nvram_wrap wraps[NVRAM_MAX_WRAPS];
	int rc;

	if (!key)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "no memory for the data key");
	memcpy(key->data, r->key, NVRAM_KEY_LEN);
	if (r->deep > 1 || !r->n_wraps ||
	    nvram_decode_wraps(r->wraps, r->n_wraps, wraps) < 0)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "the wraps to be written are none");
	rc = r->deep ? deep_rekey(e, key, wraps, r->n_wraps, err)
		     : nvram_set_wraps(e->nvram, key, wraps, r->n_wraps, err);
	e->generation = nvram_generation(e->nvram);
	return rc;
}

/* Without a TPM there is nobody to answer: the control thread does it all. */
static int wait_for_ever(struct engine *e, int fd, uint16_t family)
{
	(void)e;
	(void)fd;
	(void)family;
	for (;;)
		poll(NULL, 0, -1);
	return -EIO;
}

const struct frontend frontend_none = {
	.name = "empty",
	.run = wait_for_ever,
};
