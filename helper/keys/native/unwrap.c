// SPDX-License-Identifier: GPL-2.0-or-later
/* The unwrapper of the contract. */
#include <errno.h>
#include <stdlib.h>

#include "keys/key-dir.h"
#include "keys/native/native.h"

/* All keys of the directory, read once; the lock is held to the end. */
struct unwrap_session {
	int dir;
	struct native_keys *keys;
};

void native_unwrap_end(void *session)
{
	struct unwrap_session *s = session;

	native_keys_free(s->keys);
	if (s->dir >= 0)
		close(s->dir);
	free(s);
}

int native_unwrap_begin(const struct request *r, void **session,
			struct error *err)
{
	struct unwrap_session *s = calloc(1, sizeof(*s));
	int e;

	(void)r;
	if (!s)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	s->dir = -1;
	e = native_open(&s->dir, &s->keys, err);
	if (e)
		native_unwrap_end(s);
	else
		*session = s;
	return e;
}

int native_unwrap_open(void *session, const struct request *r,
		       const struct wrapped_item *item, struct secret **out,
		       struct error *err)
{
	struct unwrap_session *s = session;
	const struct native_key *key;
	int e = key_dir_check_destroyed(s->dir, r->provider, item->key_id, err);

	if (e)
		return e;
	key = native_find_text(s->keys, item->key_id);
	if (!key)
		return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
				 "provider %s has no key %s; import the backup "
				 "that holds it",
				 r->provider, item->key_id);
	return native_unwrap(key, item->context, item->wrapped,
			     item->wrapped_len, out, err);
}
