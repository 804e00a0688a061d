// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "vtpmctl/vtpmctl.h"

static void print_one(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *v = json_object_get(p, "vtpm");
	json_t *wrap;
	size_t i;

	(void)ctl;
	(void)arg;
	printf("%s has data key number %lld, wrapped by", json_text(v, "name"),
	       (long long)json_integer_value(json_object_get(v, "dataKey")));
	json_array_foreach(json_object_get(v, "wraps"), i, wrap)
		printf("%s %s", i ? " and" : "", json_text(wrap, "provider"));
	putchar('\n');
}

static void print_all(struct ctl *ctl, json_t *p, void *arg)
{
	(void)ctl;
	(void)arg;
	printf("%zu vTPMs rekeyed\n",
	       json_array_size(json_object_get(p, "done")));
}

static void print_failed(struct ctl *ctl, json_t *p, void *arg)
{
	json_t *failed = json_object_get(p, "failed"), *f;
	size_t i;

	(void)ctl;
	*(bool *)arg = json_array_size(failed) > 0;
	json_array_foreach(failed, i, f)
		fprintf(stderr, "vtpmctl: %s was not rekeyed: %s\n",
			json_text(f, "name"), json_text(f, "message"));
}

static int rekey_all(struct ctl *ctl, json_t *p)
{
	bool some_failed = false;
	int status =
		client_call(ctl, &(struct client_call){ .method = "RekeyAll",
							.parameters = p,
							.more = true,
							.on_reply = print_all,
							.on_last = print_failed,
							.arg = &some_failed });

	return status == CTL_OK && some_failed ? CTL_FAILED : status;
}

/* Is it one vTPM, several by their provider, or all of them? */
static bool has_name(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--provider") || !strcmp(argv[i], "--to"))
			i++;
		else if (argv[i][0] != '-')
			return true;
	}
	return false;
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *name = NULL, *provider = NULL, *to = NULL;
	bool all = false, deep = false, one = has_name(argc, argv);
	const struct ctl_option options[] = {
		{ .name = "provider", .value = &provider },
		{ .name = "to", .value = &to },
		{ .name = "all", .flag = &all },
		{ .name = "deep", .flag = &deep },
		{ 0 },
	};
	json_t *p;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, &name, one, &status) < 0)
		return status;
	if (one + all + (provider && !one) != 1) {
		fprintf(stderr,
			"vtpmctl rekey: either a name, --provider or --all\n");
		return verb_usage(v);
	}
	p = json_pack("{s:b}", "deep", deep);
	if (provider)
		json_object_set_new(p, "provider", json_string(provider));
	if (to)
		json_object_set_new(p, "to", json_string(to));
	if (!one)
		return rekey_all(ctl, p);
	json_object_set_new(p, "name", json_string(name));
	return client_call(ctl, &(struct client_call){ .method = "Rekey",
						       .parameters = p,
						       .more = true,
						       .on_reply = print_one });
}

const struct verb verb_rekey = {
	.name = "rekey",
	.summary = "wrap data keys anew, or change them",
	.help = "Usage: vtpmctl rekey NAME [--provider PROVIDER] [--to PROVIDER] [--deep] [--json]\n"
		"       vtpmctl rekey --provider PROVIDER [--to PROVIDER] [--deep] [--json]\n"
		"       vtpmctl rekey --all [--to PROVIDER] [--deep] [--json]\n"
		"\n"
		"Wraps the data key of NAME anew, by the newest key of each provider that it has.\n"
		"The vTPM may be running and goes on. Without NAME: that of every vTPM, or of\n"
		"every one that has a wrap of PROVIDER.\n"
		"\n"
		"  --provider PROVIDER  only the wraps of this provider\n"
		"  --to PROVIDER        have this provider wrap it, in place of those\n"
		"  --deep               make a new data key and seal the state with it\n"
		"\n"
		"Copies of a file are not rekeyed with it: they open with the keys of before for\n"
		"as long as their provider has those.\n"
		"\n"
		"Examples:\n"
		"  vtpmctl rekey web1\n"
		"  vtpmctl rekey --provider old --to hsm\n"
		"  vtpmctl rekey --all --deep\n",
	.run = run,
};
