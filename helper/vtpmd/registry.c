// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/io.h"
#include "util/json.h"
#include "util/log.h"
#include "vtpmd/json-file.h"
#include "vtpmd/registry.h"

#define NVRAM_SUFFIX ".nvram"
#define JSON_SUFFIX ".json"
#define MAX_JSON (64 * 1024)

DEFINE_CLEANUP(dir, DIR *, closedir)

void registry_file(const char *name, const char *suffix,
		   char out[FILE_NAME_LEN])
{
	snprintf(out, FILE_NAME_LEN, "%s%s" NVRAM_SUFFIX "%s",
		 suffix ? "." : "", name, suffix ? suffix : "");
}

struct folder registry_folder(const struct config *cfg, bool ephemeral)
{
	if (ephemeral)
		return (struct folder){ cfg->ephemeral_fd, cfg->ephemeral_dir };
	return (struct folder){ cfg->state_fd, cfg->state_dir };
}

bool registry_is_ephemeral(const struct config *cfg, const char *name)
{
	static const char *const suffixes[] = { NULL, SUFFIX_NEW, SUFFIX_OLD };
	char file[FILE_NAME_LEN];

	for (size_t i = 0; i < 3; i++) {
		registry_file(name, suffixes[i], file);
		if (!faccessat(cfg->ephemeral_fd, file, F_OK,
			       AT_SYMLINK_NOFOLLOW))
			return true;
	}
	return false;
}

struct folder registry_folder_of(const struct config *cfg, const char *name)
{
	return registry_folder(cfg, registry_is_ephemeral(cfg, name));
}

/* Cut @suffix off @file; false if it does not end so or is no name then. */
static bool strip(const char *file, const char *suffix,
		  char name[NAME_MAX_LEN + 1])
{
	size_t n = strlen(file), s = strlen(suffix);

	if (n <= s || n - s > NAME_MAX_LEN || strcmp(file + n - s, suffix))
		return false;
	memcpy(name, file, n - s);
	name[n - s] = '\0';
	return name_valid(name);
}

static int scan(int dir_fd, const char *suffix, const char *where,
		int (*fn)(const char *name, void *arg), void *arg,
		struct error *err)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	_cleanup_(dir) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	char name[NAME_MAX_LEN + 1];
	struct dirent *de;

	if (!d)
		return error_set(err, -errno, VTPM_ERR_STORAGE, "%s: %s", where,
				 strerror(errno));
	while ((de = readdir(d))) {
		if (!strip(de->d_name, suffix, name))
			continue;
		r = fn(name, arg);
		if (r < 0)
			return r;
	}
	return 0;
}

int registry_scan(const struct config *cfg,
		  int (*fn)(const char *name, void *arg), void *arg,
		  struct error *err)
{
	int r = scan(cfg->state_fd, NVRAM_SUFFIX, cfg->state_dir, fn, arg, err);

	return r < 0 ? r
		     : scan(cfg->ephemeral_fd, NVRAM_SUFFIX, cfg->ephemeral_dir,
			    fn, arg, err);
}

int registry_scan_providers(const struct config *cfg,
			    int (*fn)(const char *name, void *arg), void *arg,
			    struct error *err)
{
	return scan(cfg->providers_fd, JSON_SUFFIX, "providers", fn, arg, err);
}

static void clean_one(struct folder folder, const char *file)
{
	struct error err = { 0 };
	_cleanup_close_ int fd =
		openat(folder.fd, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	/* Another manager may share the directory and be at work on it. */
	if (fd >= 0 && registry_lock(fd, file, NULL) < 0)
		return;
	log_notice("%s/%s: left by an operation that was cut off; removed",
		   folder.path, file);
	if (registry_shred(folder, fd, file, &err) < 0)
		log_warning("%s", err.text);
}

static void clean(struct folder folder)
{
	static const char *const suffixes[] = { NVRAM_SUFFIX SUFFIX_NEW,
						NVRAM_SUFFIX SUFFIX_OLD };
	int fd = openat(folder.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(dir) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	char name[NAME_MAX_LEN + 1];
	struct dirent *de;

	while (d && (de = readdir(d))) {
		for (size_t i = 0; i < 2 && de->d_name[0] == '.'; i++) {
			if (strip(de->d_name + 1, suffixes[i], name))
				clean_one(folder, de->d_name);
		}
	}
}

void registry_clean(const struct config *cfg)
{
	clean(registry_folder(cfg, false));
	clean(registry_folder(cfg, true));
}

void registry_path(const struct config *cfg, const char *name,
		   char path[PATH_MAX])
{
	char file[FILE_NAME_LEN];

	registry_file(name, NULL, file);
	snprintf(path, PATH_MAX, "%s/%s", registry_folder_of(cfg, name).path,
		 file);
}

int registry_open(const struct config *cfg, const char *name, int flags,
		  int *fd, struct error *err)
{
	struct folder folder = registry_folder_of(cfg, name);
	char file[FILE_NAME_LEN];

	registry_file(name, NULL, file);
	*fd = openat(folder.fd, file, flags | O_NOFOLLOW | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	if (errno == ENOENT)
		return error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
				 "there is no vTPM %s; see: vtpmctl list",
				 name);
	return error_set(err, -errno, VTPM_ERR_STORAGE, "%s/%s: %s",
			 folder.path, file, strerror(errno));
}

int registry_lock(int fd, const char *name, struct error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return error_set(err, -EBUSY, VTPM_ERR_IN_USE,
				 "the file of vTPM %s is in use by another "
				 "engine; stop that one first",
				 name);
	return error_set(err, -errno, VTPM_ERR_STORAGE, "lock of %s: %s", name,
			 strerror(errno));
}

int registry_read_header(const struct config *cfg, const char *name,
			 struct nvram_info *info, struct error *err)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r = registry_open(cfg, name, O_RDONLY, &fd, err);

	if (r < 0)
		return r;
	registry_path(cfg, name, path);
	return nvram_read_header(fd, path, info, err);
}

static void json_name(const char *name, char out[FILE_NAME_LEN])
{
	snprintf(out, FILE_NAME_LEN, "%s" JSON_SUFFIX, name);
}

static int load_json(int dir_fd, const char *name, const char *where,
		     json_t **out, struct error *err)
{
	char file[FILE_NAME_LEN];

	json_name(name, file);
	return json_file_load(dir_fd, file, MAX_JSON, where, out, err);
}

static int save_json(int dir_fd, const char *name, const char *where,
		     const json_t *json, struct error *err)
{
	char file[FILE_NAME_LEN];

	json_name(name, file);
	return json_file_save(dir_fd, file, where, json, err);
}

int registry_load_settings(const struct config *cfg, const char *name,
			   struct settings *out, struct error *err)
{
	struct folder folder = registry_folder_of(cfg, name);
	_cleanup_(json) json_t *json = NULL;
	int r = load_json(folder.fd, name, folder.path, &json, err);

	*out = SETTINGS_DEFAULT;
	if (r == -ENOENT)
		return 0;
	if (!r)
		r = settings_from_json(json, out, err);
	if (r < 0)
		error_prefix(err, "%s/%s.json", folder.path, name);
	return r;
}

int registry_save_settings(const struct config *cfg, const char *name,
			   const struct settings *s, struct error *err)
{
	struct folder folder = registry_folder_of(cfg, name);
	_cleanup_(json) json_t *json = settings_to_json(s);

	return save_json(folder.fd, name, folder.path, json, err);
}

static int facts_dir(const struct config *cfg, const char *name)
{
	return registry_is_ephemeral(cfg, name) ? cfg->ephemeral_identity_fd
						: cfg->identity_fd;
}

json_t *registry_load_facts(const struct config *cfg, const char *name,
			    const uint8_t uuid[UUID_LEN])
{
	_cleanup_(json) json_t *json = NULL;
	struct error err = { 0 };
	char text[UUID_TEXT_LEN];
	int r = load_json(facts_dir(cfg, name), name, "identity", &json, &err);

	if (r && r != -ENOENT)
		log_warning("%s", err.text);
	if (r)
		return NULL;
	/* Of a vTPM that had the name before, or of a file put in its place. */
	uuid_format(uuid, text);
	return strcmp(json_member(json, "uuid"), text) ? NULL : TAKE_PTR(json);
}

int registry_save_facts(const struct config *cfg, const char *name,
			bool ephemeral, const uint8_t uuid[UUID_LEN],
			json_t *facts, struct error *err)
{
	char text[UUID_TEXT_LEN];

	uuid_format(uuid, text);
	if (json_object_set_new(facts, "uuid", json_string(text)))
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	return save_json(ephemeral ? cfg->ephemeral_identity_fd
				   : cfg->identity_fd,
			 name, "identity", facts, err);
}

void registry_remove_facts(const struct config *cfg, const char *name,
			   bool ephemeral)
{
	char file[FILE_NAME_LEN];

	json_name(name, file);
	unlinkat(ephemeral ? cfg->ephemeral_identity_fd : cfg->identity_fd,
		 file, 0);
}

void registry_remove_notes(const struct config *cfg, const char *name,
			   bool ephemeral)
{
	char file[FILE_NAME_LEN];

	json_name(name, file);
	unlinkat(registry_folder(cfg, ephemeral).fd, file, 0);
	registry_remove_facts(cfg, name, ephemeral);
}

int registry_load_provider(const struct config *cfg, const char *name,
			   struct provider_ref *out, bool *is_default,
			   struct error *err)
{
	_cleanup_(json) json_t *json = NULL;
	struct provider_ref p = { 0 };
	const char *type;
	json_t *config;
	int r = load_json(cfg->providers_fd, name, "providers", &json, err);

	if (r == -ENOENT)
		return error_set(err, r, VTPM_ERR_NOT_FOUND,
				 "there is no key provider %s; see: vtpmctl "
				 "provider list",
				 name);
	if (r < 0) {
		/* Not the vTPM's file, for whoever starts one with it. */
		if (err)
			err->code = VTPM_ERR_PROVIDER;
		return r;
	}
	type = json_string_value(json_object_get(json, "type"));
	config = json_object_get(json, "config");
	if (!type || !name_valid(type) || (config && !json_is_object(config)))
		return error_set(err, -EBADMSG, VTPM_ERR_PROVIDER,
				 "providers/%s.json has no usable type or "
				 "configuration",
				 name);
	snprintf(p.name, sizeof(p.name), "%s", name);
	snprintf(p.type, sizeof(p.type), "%s", type);
	/* A copy: references are not to be shared between threads. */
	p.config = json_deep_copy(config);
	if (is_default)
		*is_default = json_is_true(json_object_get(json, "default"));
	*out = p;
	return 0;
}

int registry_save_provider(const struct config *cfg,
			   const struct provider_ref *p, bool is_default,
			   struct error *err)
{
	_cleanup_(json) json_t *json =
		json_pack("{s:s, s:b}", "type", p->type, "default", is_default);

	if (p->config)
		json_object_set_new(json, "config", json_deep_copy(p->config));
	return save_json(cfg->providers_fd, p->name, "providers", json, err);
}

int registry_remove_provider(const struct config *cfg, const char *name,
			     struct error *err)
{
	char file[FILE_NAME_LEN];

	snprintf(file, sizeof(file), "%s" JSON_SUFFIX, name);
	if ((unlinkat(cfg->providers_fd, file, 0) < 0 && errno != ENOENT) ||
	    fsync(cfg->providers_fd) < 0)
		return error_set(err, -errno, VTPM_ERR_STORAGE,
				 "providers/%s: %s", file, strerror(errno));
	return 0;
}

/* As far as the storage lets us: a copy-on-write one keeps the old blocks. */
static void overwrite(int fd)
{
	static const char zeros[4096];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	for (off_t off = 0; off < st.st_size; off += sizeof(zeros)) {
		size_t left = st.st_size - off;
		size_t n = left < sizeof(zeros) ? left : sizeof(zeros);

		if (pwrite_full(fd, zeros, n, off) < 0)
			break;
	}
	fdatasync(fd);
}

int registry_shred(struct folder folder, int fd, const char *file,
		   struct error *err)
{
	overwrite(fd);
	if (unlinkat(folder.fd, file, 0) < 0 && errno != ENOENT)
		return error_set(err, -errno, VTPM_ERR_STORAGE, "%s/%s: %s",
				 folder.path, file, strerror(errno));
	return registry_sync(folder, err);
}

int registry_sync(struct folder folder, struct error *err)
{
	if (fsync(folder.fd) < 0)
		return error_set(err, -errno, VTPM_ERR_STORAGE, "%s: %s",
				 folder.path, strerror(errno));
	return 0;
}

int registry_rename(struct folder folder, const char *from, const char *to,
		    struct error *err)
{
	if (renameat2(folder.fd, from, folder.fd, to, RENAME_NOREPLACE) < 0)
		return error_set(err, -errno,
				 errno == EEXIST ? VTPM_ERR_EXISTS
						 : VTPM_ERR_STORAGE,
				 "%s/%s: %s", folder.path, to, strerror(errno));
	return registry_sync(folder, err);
}
