// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/text.h"
#include "util/varlink.h"
#include "vtpmctl/output.h"

static void print_key(const json_t *key)
{
	printf("%-8s %s at %s\n", json_text(key, "type"),
	       json_text(key, "template"), json_text(key, "handle"));
	printf("  digest       %s\n", json_text(key, "digest"));
	if (!*json_text(key, "certificate")) {
		puts("  certificate  none");
		return;
	}
	printf("  certificate  at %s, serial %s\n", json_text(key, "nvIndex"),
	       json_text(key, "serial"));
	printf("  issuer       %s%s\n", json_text(key, "issuer"),
	       strcmp(json_text(key, "issuedBy"), "import") ? ""
							    : " (imported)");
	printf("  valid        %s to %s\n", json_text(key, "notBefore"),
	       json_text(key, "notAfter"));
}

static void print(struct ctl *ctl, json_t *reply, void *arg)
{
	json_t *keys =
		json_object_get(json_object_get(reply, "identity"), "keys");
	json_t *key;
	size_t i;

	(void)ctl;
	json_array_foreach(keys, i, key) {
		const char *cert = json_text(key, "certificate");
		char *pem;

		if (!*(bool *)arg) {
			print_key(key);
			continue;
		}
		pem = *cert ? pem_of_base64("CERTIFICATE", cert)
			    : pem_of_base64("PUBLIC KEY",
					    json_text(key, "public"));
		printf("# %s\n%s", json_text(key, "type"), pem ? pem : "");
		free(pem);
	}
}

static int run_show(struct ctl *ctl, const struct verb *v, int argc,
		    char **argv)
{
	bool pem = false;
	const struct ctl_option options[] = { { .name = "pem", .flag = &pem },
					      { 0 } };
	const char *name;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, &name, 1, &status) < 0)
		return status;
	return client_call(
		ctl, &(struct client_call){
			     .method = "EkShow",
			     .parameters = json_pack("{s:s}", "name", name),
			     .on_reply = print,
			     .arg = &pem });
}

/* Those that end before @before, a time as text; NULL: all. */
static void print_list(struct ctl *ctl, json_t *reply, void *arg)
{
	const char *before = arg;
	json_t *one, *key;
	size_t i, j;

	(void)ctl;
	printf("%-20s %-8s %-20s %s\n", "NAME", "TYPE", "VALID UNTIL",
	       "DIGEST");
	json_array_foreach(json_object_get(reply, "identities"), i, one) {
		json_array_foreach(json_object_get(one, "keys"), j, key) {
			const char *end = json_text(key, "notAfter");

			/* Text of that form is in the order of time. */
			if (before && (!*end || strcmp(end, before) >= 0))
				continue;
			printf("%-20s %-8s %-20s %s\n", json_text(one, "name"),
			       json_text(key, "type"),
			       *end ? end : "no certificate",
			       json_text(key, "digest"));
		}
	}
}

static int run_list(struct ctl *ctl, const struct verb *v, int argc,
		    char **argv)
{
	const char *expiring = NULL;
	const struct ctl_option options[] = {
		{ .name = "expiring", .value = &expiring }, { 0 }
	};
	char before[32] = "";
	time_t when = time(NULL);
	struct tm tm;
	uint32_t days = 0;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, NULL, 0, &status) < 0)
		return status;
	if (expiring && number_parse(expiring, 0, 100000, &days) < 0)
		return verb_usage(v);
	when += (time_t)days * 24 * 3600;
	if (gmtime_r(&when, &tm))
		strftime(before, sizeof(before), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return client_call(
		ctl, &(struct client_call){ .method = "EkList",
					    .on_reply = print_list,
					    .arg = expiring ? before : NULL });
}

const struct verb verb_ek_show = {
	.name = "show",
	.summary = "show the endorsement keys of a vTPM",
	.help = "Usage: vtpmctl ek show NAME [--pem] [--json]\n"
		"\n"
		"The endorsement keys and certificates, as this host knows them; what counts is\n"
		"what the TPM has. The digest is SHA-256 of the key's SubjectPublicKeyInfo, DER.\n"
		"\n"
		"  --pem  the certificates or, where there is none, the public keys\n"
		"\n"
		"Examples:\n"
		"  vtpmctl ek show web1\n"
		"  vtpmctl ek show web1 --json | jq -r '.identity.keys[].digest'\n",
	.run = run_show,
};

const struct verb verb_ek_list = {
	.name = "list",
	.summary = "show the endorsement keys of all vTPMs",
	.help = "Usage: vtpmctl ek list [--expiring DAYS] [--json]\n"
		"\n"
		"  --expiring DAYS  those whose certificate ends within so many days, or has\n"
		"                   ended. Those of the built-in CA have no end. With --json\n"
		"                   nothing is left out\n"
		"\n"
		"Example:\n"
		"  vtpmctl ek list --expiring 30\n",
	.run = run_list,
};
