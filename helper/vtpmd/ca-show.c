// SPDX-License-Identifier: GPL-2.0-or-later
/* The CA as others see it, and what is revoked of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "util/json.h"
#include "vtpmd/ca-state.h"
#include "vtpmd/ca.h"

static json_t *certificate(const json_t *from, json_int_t number)
{
	static const char *const members[] = { "subject",  "issuer",
					       "serial",   "notBefore",
					       "notAfter", "certificate" };
	json_t *out = json_pack("{s:I}", "number", number);

	for (size_t i = 0; i < sizeof(members) / sizeof(char *); i++)
		json_object_set_new(out, members[i],
				    json_string(json_member(from, members[i])));
	return out;
}

int ca_show(const struct config *cfg, json_t **out, struct error *err)
{
	_cleanup_(json) json_t *state = NULL;
	const json_t *wrap;
	json_t *ca, *item, *list = NULL;
	size_t i;
	int r = ca_load(cfg, &state, err);

	if (r < 0)
		return r;
	wrap = json_object_get(state, "wrap");
	list = json_array();
	json_array_foreach(json_object_get(state, "issuing"), i, item)
		json_array_append_new(list, certificate(item, i + 1));
	ca = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:I}", "name",
		json_member(state, "name"), "uuid", json_member(state, "uuid"),
		"algorithm", json_member(state, "algorithm"), "provider",
		json_member(wrap, "provider"), "keyId",
		json_member(wrap, "keyId"), "root",
		certificate(json_object_get(state, "root"), 0), "issuing", list,
		"revoked",
		(json_int_t)json_array_size(json_object_get(state, "revoked")));
	if (*json_member(state, "aia"))
		json_object_set(ca, "aiaUrl", json_object_get(state, "aia"));
	if (*json_member(state, "crl"))
		json_object_set(ca, "crlUrl", json_object_get(state, "crl"));
	*out = ca;
	return ca ? 0
		  : error_set(err, -ENOMEM, VTPM_ERR_INTERNAL, "out of memory");
}

static char *chain(const json_t *state)
{
	const json_t *issuing = json_object_get(state, "issuing");
	char *pem = NULL;

	for (size_t i = ca_generations(state); i; i--)
		pem = pem_append(pem, "CERTIFICATE",
				 json_member(json_array_get(issuing, i - 1),
					     "certificate"));
	return pem_append(
		pem, "CERTIFICATE",
		json_member(json_object_get(state, "root"), "certificate"));
}

int ca_export(const struct config *cfg, const char *what, json_t **out,
	      struct error *err)
{
	_cleanup_(json) json_t *state = NULL;
	_cleanup_free_ char *pem = NULL;
	const json_t *newest;
	int r = ca_load(cfg, &state, err);

	if (r < 0)
		return r;
	newest = ca_newest(state);
	if (!strcmp(what, "root"))
		pem = pem_append(NULL, "CERTIFICATE",
				 json_member(json_object_get(state, "root"),
					     "certificate"));
	else if (!strcmp(what, "issuing"))
		pem = pem_append(NULL, "CERTIFICATE",
				 json_member(newest, "certificate"));
	else if (!strcmp(what, "chain"))
		pem = chain(state);
	else if (strcmp(what, "crl"))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "of a CA there are to export: root, issuing, "
				 "chain and crl");
	else if (!*json_member(newest, "crl"))
		return error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
				 "the CA has made no CRL yet; make one with: "
				 "vtpmctl ca crl");
	else
		pem = pem_append(NULL, "X509 CRL", json_member(newest, "crl"));
	*out = pem ? json_string(pem) : NULL;
	return *out ? 0
		    : error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				"out of memory");
}

bool ca_uses_provider(const struct config *cfg, const char *provider,
		      const char *key_id)
{
	_cleanup_(json) json_t *state = NULL;
	int r = ca_load(cfg, &state, NULL);
	const json_t *wrap;

	/* One that cannot be read may. */
	if (r < 0)
		return r != -ENOENT;
	wrap = json_object_get(state, "wrap");
	return !strcmp(json_member(wrap, "provider"), provider) &&
	       (!key_id || !strcasecmp(json_member(wrap, "keyId"), key_id));
}

int ca_remove(const struct config *cfg, struct error *err)
{
	_cleanup_(json) json_t *state = NULL;
	_cleanup_close_ int lock = -1;
	int r = ca_lock(cfg, &lock, err);
	char file[64];

	if (!r)
		r = ca_load(cfg, &state, err);
	/* One that is damaged is to go, too. */
	if (r < 0 && r != -EBADMSG)
		return r;
	/* First what says that there is one. */
	if (unlinkat(cfg->ca_fd, "ca.json", 0) < 0 || fsync(cfg->ca_fd) < 0)
		return error_set(err, -errno, VTPM_ERR_STORAGE, "ca: %s",
				 strerror(errno));
	for (size_t i = ca_generations(state); i; i--) {
		snprintf(file, sizeof(file), "issuing-%zu.pem", i);
		unlinkat(cfg->ca_fd, file, 0);
		snprintf(file, sizeof(file), "crl-%zu.pem", i);
		unlinkat(cfg->ca_fd, file, 0);
	}
	unlinkat(cfg->ca_fd, "root.pem", 0);
	unlinkat(cfg->ca_fd, "issuing.pem", 0);
	unlinkat(cfg->ca_fd, "chain.pem", 0);
	unlinkat(cfg->ca_fd, "crl.pem", 0);
	return 0;
}
