// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "keys/tpm2/config.h"

#define DEFAULT_TCTI "device:/dev/tpmrm0"

static int bad_config(struct error *err, const char *what)
{
	return error_set(err, -EINVAL, VTPM_ERR_INVALID,
			 "the configuration %s; see \"The tpm2 provider\" in "
			 "key-providers.rst",
			 what);
}

/* A misspelt "pcrs" would bind keys to nothing. */
static int check_members(const json_t *config, struct error *err)
{
	static const char *const known[] = { "tcti", "pcrs", "hierarchy",
					     "owner-auth-file" };
	const size_t n = sizeof(known) / sizeof(known[0]);
	const char *name;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)config, name, value) {
		for (i = 0; i < n && strcmp(known[i], name); i++)
			;
		if (i == n)
			return bad_config(err,
					  "has a member that is not known");
		if (!json_is_string(value))
			return bad_config(err, "has a member that is no text");
	}
	return 0;
}

static const char *text_of(const json_t *config, const char *name,
			   const char *otherwise)
{
	const json_t *v = json_object_get(config, name);

	return v ? json_string_value(v) : otherwise;
}

/*
 * tpm2-tss would load a library of any name, and one of its own runs commands:
 * only those that lead to a TPM.
 */
static int take_tcti(const char *tcti, struct tpm2_config *out,
		     struct error *err)
{
	static const char *const known[] = { "device", "tabrmd", "swtpm" };
	size_t len = strcspn(tcti, ":");

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i]) != len || strncmp(known[i], tcti, len))
			continue;
		out->tcti = tcti;
		if (i)
			return 0;
		/* Which of several it would be is not left to the library. */
		if (tcti[len] != ':' || tcti[len + 1] != '/')
			break;
		out->device = tcti + len + 1;
		return 0;
	}
	return bad_config(err,
			  "has a \"tcti\" that is neither device:/dev/..., "
			  "tabrmd nor swtpm:...");
}

int tpm2_config_parse(const json_t *config, struct tpm2_config *out,
		      struct error *err)
{
	struct tpm2_config c = { 0 };
	int r = check_members(config, err);

	if (!r)
		r = take_tcti(text_of(config, "tcti", DEFAULT_TCTI), &c, err);
	if (r)
		return r;
	if (pcr_set_parse(text_of(config, "pcrs", ""), &c.pcrs))
		return bad_config(err, "has \"pcrs\" that are not like "
				       "sha256:0,7");
	if (strcmp(text_of(config, "hierarchy", "owner"), "owner"))
		return bad_config(err, "has a \"hierarchy\" that is not owner");
	c.owner_auth_file = text_of(config, "owner-auth-file", NULL);
	if (c.owner_auth_file && !*c.owner_auth_file)
		return bad_config(err, "has an empty \"owner-auth-file\"");
	*out = c;
	return 0;
}
