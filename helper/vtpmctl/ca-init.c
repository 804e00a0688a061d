// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/ca.h"

void ca_print(struct ctl *ctl, json_t *reply, void *arg)
{
	const json_t *ca = json_object_get(reply, "ca");
	const json_t *root = json_object_get(ca, "root");
	json_t *item;
	size_t i;

	(void)ctl;
	(void)arg;
	ctl_line("name", json_text(ca, "name"));
	ctl_line("uuid", json_text(ca, "uuid"));
	ctl_line("algorithm", json_text(ca, "algorithm"));
	printf("%-12s %s of provider %s\n", "key", json_text(ca, "keyId"),
	       json_text(ca, "provider"));
	printf("%-12s %s, serial %s\n", "root", json_text(root, "subject"),
	       json_text(root, "serial"));
	json_array_foreach(json_object_get(ca, "issuing"), i, item)
		printf("%-12s %s, serial %s, since %s\n", "issuing",
		       json_text(item, "subject"), json_text(item, "serial"),
		       json_text(item, "notBefore"));
	ctl_line("AIA URL", json_text(ca, "aiaUrl"));
	ctl_line("CRL URL", json_text(ca, "crlUrl"));
	printf("%-12s %lld certificate(s)\n", "revoked",
	       (long long)json_integer_value(json_object_get(ca, "revoked")));
}

static int run_init(struct ctl *ctl, const struct verb *v, int argc,
		    char **argv)
{
	static const char *const names[] = { "provider", "algorithm", "name",
					     "aiaUrl", "crlUrl" };
	const char *values[5] = { 0 };
	const struct ctl_option options[] = {
		{ .name = "provider", .value = &values[0] },
		{ .name = "algorithm", .value = &values[1] },
		{ .name = "name", .value = &values[2] },
		{ .name = "aia-url", .value = &values[3] },
		{ .name = "crl-url", .value = &values[4] },
		{ 0 },
	};
	json_t *p = json_object();
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, NULL, 0, &status) < 0) {
		json_decref(p);
		return status;
	}
	for (size_t i = 0; i < 5; i++)
		ctl_put_text(p, names[i], values[i]);
	return client_call(ctl, &(struct client_call){ .method = "CaInit",
						       .parameters = p,
						       .on_reply = ca_print });
}

static int run_show(struct ctl *ctl, const struct verb *v, int argc,
		    char **argv)
{
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, NULL, 0, &status) < 0)
		return status;
	return client_call(ctl, &(struct client_call){ .method = "CaShow",
						       .on_reply = ca_print });
}

const struct verb verb_ca_init = {
	.name = "init",
	.summary = "make the CA of this host",
	.help = "Usage: vtpmctl ca init [--provider PROVIDER] [--algorithm p384|rsa3072]\n"
		"                       [--name NAME] [--aia-url URL] [--crl-url URL] [--json]\n"
		"\n"
		"Makes a root and an issuing CA. Their private keys are sealed with a key of\n"
		"PROVIDER, or of the default provider. Without this, the first create that needs\n"
		"a CA makes one with what are the defaults here.\n"
		"\n"
		"  --name NAME    begins the names of both; \"vtpm\" and eight digits otherwise\n"
		"  --aia-url URL  where the issuing certificate can be fetched\n"
		"  --crl-url URL  where the list of revoked certificates can be fetched\n"
		"                 Both stand in every certificate; {n} becomes the number of the\n"
		"                 issuing certificate. Absent unless given.\n"
		"\n"
		"Examples:\n"
		"  vtpmctl ca init\n"
		"  vtpmctl ca init --algorithm rsa3072 --name \"Example vTPM\" \\\n"
		"      --aia-url http://pki.example/vtpm-{n}.crt --crl-url http://pki.example/vtpm-{n}.crl\n",
	.run = run_init,
};

const struct verb verb_ca_show = {
	.name = "show",
	.summary = "show the CA",
	.help = "Usage: vtpmctl ca show [--json]\n"
		"\n"
		"Example:\n"
		"  vtpmctl ca show\n",
	.run = run_show,
};
