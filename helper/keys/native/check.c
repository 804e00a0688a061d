// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "keys/check.h"
#include "keys/key-dir.h"
#include "keys/native/native.h"

static int check_mode(int dir, const char *file, mode_t mode, struct error *err)
{
	struct stat st;

	if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return key_dir_error(err, -errno, "look at", file);
	if (st.st_uid != geteuid() || (st.st_mode & 0777) != mode)
		return error_set(err, -EPERM, VTPM_ERR_PROVIDER,
				 "%s in the provider's directory has mode 0%o "
				 "and owner %u; make it 0%o and %u with chmod "
				 "and chown, and think about who has seen it",
				 file, st.st_mode & 0777, st.st_uid, mode,
				 geteuid());
	return 0;
}

static int check_rights(int dir, const struct native_keys *k, struct error *err)
{
	char file[KEY_FILE_NAME_LEN];
	int r = check_mode(dir, ".", 0700, err);

	for (size_t i = 0; !r && i < k->count; i++) {
		key_file_name(k->key[i].id, file);
		r = check_mode(dir, file, 0600, err);
	}
	return r;
}

static int check_backup(const struct native_keys *k, const char *provider,
			struct error *err)
{
	for (size_t i = 0; i < k->count; i++) {
		if (!k->key[i].backed_up)
			return error_set(err, -EPERM, VTPM_ERR_NOT_BACKED_UP,
					 "not all keys are backed up; run: "
					 "vtpmctl provider backup %s FILE",
					 provider);
	}
	return 0;
}

static int check_round_trip(const struct native_key *key, struct error *err)
{
	_cleanup_(secret) struct secret *value = secret_random(NATIVE_KEY_LEN);
	_cleanup_(secret) struct secret *back = NULL;
	uint8_t wrapped[NATIVE_KEY_LEN + NATIVE_WRAP_OVERHEAD];
	uint8_t context[UUID_LEN];
	int r = value ? 0 : provider_out_of_memory(err);

	uuid_new(context);
	if (!r)
		r = native_wrap(key, context, value, wrapped, err);
	if (!r)
		r = native_unwrap(key, context, wrapped, sizeof(wrapped), &back,
				  err);
	return r ? r : check_same(value, back, err);
}

static int check_active(const struct native_key *key, const char *provider,
			struct error *err)
{
	if (key)
		return 0;
	return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
			 "there is no active key; bring one with: vtpmctl "
			 "provider restore native %s FILE",
			 provider);
}

int native_check(const struct request *r, json_t *reply, struct error *err)
{
	_cleanup_(native_keys) struct native_keys *k = NULL;
	const struct native_key *key;
	_cleanup_close_ int dir = -1;
	struct error why = { 0 };
	struct check c;
	int e;

	check_begin(&c);
	e = key_dir_open(&dir, &why);
	if (!e)
		e = native_load(dir, &k, &why);
	check_step(&c, "key files", e, &why, "%zu, all of them whole",
		   e ? 0 : k->count);
	if (e)
		return check_end(&c, reply, err);
	e = check_rights(dir, k, &why);
	check_step(&c, "rights", e, &why, "the provider's user alone");
	key = native_active(k);
	e = check_active(key, r->provider, &why);
	if (check_step(&c, "active key", e, &why, "there is one")) {
		e = check_backup(k, r->provider, &why);
		check_step(&c, "backup", e, &why, "all keys were exported");
		e = check_round_trip(key, &why);
		check_step(&c, "wrap and unwrap", e, &why, "a random value");
	}
	return check_end(&c, reply, err);
}
