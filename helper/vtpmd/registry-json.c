// SPDX-License-Identifier: GPL-2.0-or-later
/* The JSON files of vTPMs and of providers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/json.h"
#include "util/log.h"
#include "vtpmd/json-file.h"
#include "vtpmd/registry.h"

#define MAX_JSON (64 * 1024)

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
