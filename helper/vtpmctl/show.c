// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print_banks(const json_t *banks)
{
	json_t *bank;
	size_t i;

	json_array_foreach((json_t *)banks, i, bank)
		printf("%s%s", i ? " " : "PCR banks    ",
		       json_string_value(bank));
	if (json_array_size(banks))
		putchar('\n');
}

static void print_lockout(const json_t *l)
{
	long long failed =
		json_integer_value(json_object_get(l, "failedTries"));
	long long max = json_integer_value(json_object_get(l, "maxTries"));
	long long time = json_integer_value(json_object_get(l, "recoveryTime"));

	if (!l)
		return;
	printf("%-12s %s; %lld of %lld failed tries", "lockout",
	       json_is_true(json_object_get(l, "locked")) ? "locked" : "no",
	       failed, max);
	if (time)
		printf(", one less after %lld s", time);
	putchar('\n');
}

static void print_lineage(const json_t *v)
{
	const json_t *from = json_object_get(v, "clonedFrom");

	if (from)
		printf("%-12s %s (%s), mode %s\n", "cloned from",
		       json_text(from, "name"), json_text(from, "uuid"),
		       json_text(from, "mode"));
	if (*json_text(v, "origin"))
		printf("%-12s of %s\n", "identity", json_text(v, "origin"));
}

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *v = json_object_get(p, "vtpm");
	const json_t *d = json_object_get(v, "device");
	const json_t *pid = json_object_get(v, "enginePid");
	json_t *wrap, *key;
	size_t i;

	(void)ctl;
	(void)arg;
	ctl_line("name", json_text(v, "name"));
	ctl_line("uuid", json_text(v, "uuid"));
	ctl_line("state", json_text(v, "state"));
	ctl_line("reason", json_text(v, "reason"));
	ctl_line("device", json_text(d, "tpm"));
	ctl_line("", json_text(d, "tpmrm"));
	ctl_line("autostart",
		 json_is_true(json_object_get(v, "autostart")) ? "yes" : "no");
	printf("%-12s %lld:%lld %s\n", "owner",
	       json_integer_value(json_object_get(v, "ownerUid")),
	       json_integer_value(json_object_get(v, "ownerGid")),
	       json_text(v, "mode"));
	ctl_line("notes", json_text(v, "notes"));
	json_array_foreach(json_object_get(v, "wraps"), i, wrap)
		printf("%-12s %s of provider %s\n", i ? "or key" : "key",
		       json_text(wrap, "keyId"), json_text(wrap, "provider"));
	printf("%-12s number %lld\n", "data key",
	       (long long)json_integer_value(json_object_get(v, "dataKey")));
	json_array_foreach(json_object_get(v, "endorsementKeys"), i, key)
		printf("%-12s %s %s%s\n", "EK digest", json_text(key, "digest"),
		       json_text(key, "type"),
		       json_is_true(json_object_get(key, "certified"))
			       ? ""
			       : ", no certificate");
	print_banks(json_object_get(v, "pcrBanks"));
	print_lockout(json_object_get(v, "lockout"));
	print_lineage(v);
	ctl_line("file", json_text(v, "file"));
	if (json_is_true(json_object_get(v, "ephemeral")))
		ctl_line("ephemeral", "yes; it goes with the host");
	printf("%-12s %lld\n", "generation",
	       (long long)json_integer_value(json_object_get(v, "generation")));
	ctl_line("libtpms", json_text(v, "libraryVersion"));
	ctl_line("profile", json_text(v, "profile"));
	if (json_is_integer(pid))
		printf("%-12s %lld\n", "engine",
		       (long long)json_integer_value(pid));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	return client_call_named(
		ctl, v, argc, argv,
		(struct client_call){ .method = "Show", .on_reply = print });
}

const struct verb verb_show = {
	.name = "show",
	.summary = "show one vTPM in detail",
	.help = "Usage: vtpmctl show NAME [--json]\n"
		"\n"
		"Examples:\n"
		"  vtpmctl show web1\n"
		"  vtpmctl show web1 --json | jq -r .vtpm.device.tpmrm\n",
	.run = run,
};
