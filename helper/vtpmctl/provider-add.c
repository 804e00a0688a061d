// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *reply, void *arg)
{
	const json_t *p = json_object_get(reply, "provider");
	const char *reason = json_text(p, "reason");

	(void)ctl;
	(void)arg;
	printf("provider %s (%s) is there\n", json_text(p, "name"),
	       json_text(p, "type"));
	if (!json_is_true(json_object_get(p, "usable")) && *reason)
		printf("not usable yet: %s\n", reason);
}

/* The provider's own to judge; here it only has to be an object. */
static json_t *read_config(const char *file)
{
	json_error_t why;
	json_t *config = json_load_file(file, JSON_REJECT_DUPLICATES, &why);

	if (json_is_object(config))
		return config;
	fprintf(stderr, "vtpmctl: %s: %s; give a file with one JSON object\n",
		file, config ? "not an object" : why.text);
	json_decref(config);
	return NULL;
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *args[2], *file = NULL;
	const struct ctl_option options[] = { { "config", NULL, &file },
					      { 0 } };
	json_t *config = NULL;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, args, 2, &status) < 0)
		return status;
	if (file) {
		config = read_config(file);
		if (!config)
			return CTL_USAGE;
	}
	return client_call(
		ctl, &(struct client_call){
			     .method = "ProviderAdd",
			     .parameters = json_pack("{s:s, s:s, s:o*}", "type",
						     args[0], "name", args[1],
						     "config", config),
			     .on_reply = print });
}

const struct verb verb_provider_add = {
	.name = "add",
	.summary = "add a provider and make its first key",
	.help = "Usage: vtpmctl provider add TYPE NAME [--config FILE] [--json]\n"
		"\n"
		"TYPE native keeps its key on this host; the key has to be backed up before it\n"
		"is used. TYPE pkcs11 keeps it on a token, TYPE kmip on a key server; TYPE tpm2 seals\n"
		"it to this host's own TPM, where it is lost with that: attach a second provider.\n"
		"FILE has the provider's configuration, a JSON object; see key-providers.rst. The\n"
		"first provider becomes the default one.\n"
		"\n"
		"Example:\n"
		"  vtpmctl provider add native default\n"
		"  vtpmctl provider add pkcs11 hsm --config hsm.json\n"
		"  vtpmctl provider add tpm2 host --config tpm.json\n",
	.run = run,
};
