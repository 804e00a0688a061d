// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "util/json.h"
#include "util/log.h"
#include "vtpmd/ca-state.h"
#include "vtpmd/json-file.h"

#define STATE_FILE "ca.json"
#define WHERE "ca"
#define MAX_STATE (1024 * 1024)
#define PEM_LINE 64

int ca_lock(const struct config *cfg, int *fd, struct error *err)
{
	int r;

	/* A description of its own for each: threads keep one another out. */
	*fd = openat(cfg->ca_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0) {
		do {
			r = flock(*fd, LOCK_EX);
		} while (r < 0 && errno == EINTR);
		if (!r)
			return 0;
	}
	return error_set(err, -errno, VTPM_ERR_STORAGE, "lock of the CA: %s",
			 strerror(errno));
}

static bool is_usable(const json_t *state)
{
	const json_t *newest = ca_newest(state);
	struct nvram_wrap w;
	uint8_t uuid[UUID_LEN];

	return *json_member(json_object_get(state, "root"), "certificate") &&
	       *json_member(newest, "certificate") &&
	       *json_member(newest, "key") && !ca_get_uuid(state, uuid, NULL) &&
	       !ca_get_wrap(state, &w, NULL);
}

bool ca_exists(const struct config *cfg)
{
	return !faccessat(cfg->ca_fd, STATE_FILE, F_OK, 0);
}

int ca_load(const struct config *cfg, json_t **out, struct error *err)
{
	_cleanup_(json) json_t *json = NULL;
	int r = json_file_load(cfg->ca_fd, STATE_FILE, MAX_STATE, WHERE, &json,
			       err);

	if (r == -ENOENT)
		return error_set(err, r, VTPM_ERR_NOT_FOUND,
				 "there is no CA yet; make one with: vtpmctl "
				 "ca init");
	if (r < 0)
		return r;
	if (!is_usable(json))
		return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
				 "%s/" WHERE "/" STATE_FILE " is not whole; "
				 "put back a copy of it",
				 cfg->state_dir);
	*out = TAKE_PTR(json);
	return 0;
}

char *pem_append(char *pem, const char *label, const char *base64)
{
	size_t used = pem ? strlen(pem) : 0, n = strlen(base64);
	size_t lines = (n + PEM_LINE - 1) / PEM_LINE;
	size_t size = used + n + lines + 2 * strlen(label) + 64;
	char *out = malloc(size), *p;

	if (out)
		memcpy(out, pem ? pem : "", used);
	free(pem);
	if (!out)
		return NULL;
	p = out + used;
	p += sprintf(p, "-----BEGIN %s-----\n", label);
	for (size_t off = 0; off < n; off += PEM_LINE)
		p += sprintf(p, "%.*s\n", PEM_LINE, base64 + off);
	sprintf(p, "-----END %s-----\n", label);
	return out;
}

/* A copy for people and web servers; one that fails is made the next time. */
static void save_copy(const struct config *cfg, const char *file, char *pem)
{
	struct error err = { 0 };

	if (pem && text_file_save(cfg->ca_fd, file, WHERE, pem, &err) < 0)
		log_warning("%s", err.text);
	free(pem);
}

static void save_copies(const struct config *cfg, const json_t *state)
{
	const json_t *root = json_object_get(state, "root"), *item = NULL;
	size_t n = ca_generations(state);
	char *chain = NULL;
	char file[64];

	for (size_t i = n; i; i--) {
		const char *crl;

		item = json_array_get(json_object_get(state, "issuing"), i - 1);
		crl = json_member(item, "crl");
		chain = pem_append(chain, "CERTIFICATE",
				   json_member(item, "certificate"));
		snprintf(file, sizeof(file), "issuing-%zu.pem", i);
		save_copy(cfg, file,
			  pem_append(NULL, "CERTIFICATE",
				     json_member(item, "certificate")));
		snprintf(file, sizeof(file), "crl-%zu.pem", i);
		if (*crl)
			save_copy(cfg, file, pem_append(NULL, "X509 CRL", crl));
	}
	item = ca_newest(state);
	save_copy(cfg, "root.pem",
		  pem_append(NULL, "CERTIFICATE",
			     json_member(root, "certificate")));
	save_copy(cfg, "issuing.pem",
		  pem_append(NULL, "CERTIFICATE",
			     json_member(item, "certificate")));
	save_copy(cfg, "chain.pem",
		  pem_append(chain, "CERTIFICATE",
			     json_member(root, "certificate")));
	if (*json_member(item, "crl"))
		save_copy(
			cfg, "crl.pem",
			pem_append(NULL, "X509 CRL", json_member(item, "crl")));
}

int ca_save(const struct config *cfg, const json_t *state, struct error *err)
{
	int r = json_file_save(cfg->ca_fd, STATE_FILE, WHERE, state, err);

	if (!r)
		save_copies(cfg, state);
	return r;
}

int ca_get_uuid(const json_t *state, uint8_t uuid[UUID_LEN], struct error *err)
{
	if (!uuid_parse(json_member(state, "uuid"), uuid))
		return 0;
	return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
			 "the CA's state has no UUID");
}

int ca_get_wrap(const json_t *state, struct nvram_wrap *out, struct error *err)
{
	const json_t *w = json_object_get(state, "wrap");
	const char *provider = json_member(w, "provider");
	const char *key_id = json_member(w, "keyId");
	_cleanup_free_ uint8_t *data = NULL;
	size_t len;

	if (!name_valid(provider) || !*key_id ||
	    strlen(key_id) > NVRAM_MAX_KEY_ID ||
	    json_get_bytes(w, "wrapped", NVRAM_MAX_WRAPPED, &data, &len))
		return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
				 "the CA's state has no wrapped key");
	*out = (struct nvram_wrap){ .len = len };
	snprintf(out->provider, sizeof(out->provider), "%s", provider);
	snprintf(out->key_id, sizeof(out->key_id), "%s", key_id);
	memcpy(out->data, data, len);
	return 0;
}

int ca_set_wrap(json_t *state, const struct nvram_wrap *w)
{
	return json_object_set_new(
		state, "wrap",
		json_pack("{s:s, s:s, s:o}", "provider", w->provider, "keyId",
			  w->key_id, "wrapped", json_bytes(w->data, w->len)));
}

size_t ca_generations(const json_t *state)
{
	return json_array_size(json_object_get(state, "issuing"));
}

json_t *ca_newest(const json_t *state)
{
	size_t n = ca_generations(state);

	return n ? json_array_get(json_object_get(state, "issuing"), n - 1)
		 : NULL;
}
