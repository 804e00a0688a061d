// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *v = json_object_get(p, "vtpm");
	json_t *wrap;
	size_t i;

	(void)ctl;
	(void)arg;
	printf("%s opens with a key of", json_text(v, "name"));
	json_array_foreach(json_object_get(v, "wraps"), i, wrap)
		printf("%s %s", i ? " or" : "", json_text(wrap, "provider"));
	putchar('\n');
}

static int change(struct ctl *ctl, const struct verb *v, int argc, char **argv,
		  const char *method)
{
	const char *args[2];
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, args, 2, &status) < 0)
		return status;
	return client_call(ctl, &(struct client_call){
					.method = method,
					.parameters = json_pack(
						"{s:s, s:s}", "vtpm", args[0],
						"provider", args[1]),
					.more = true,
					.on_reply = print });
}

static int attach(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	return change(ctl, v, argc, argv, "ProviderAttach");
}

static int detach(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	return change(ctl, v, argc, argv, "ProviderDetach");
}

const struct verb verb_provider_attach = {
	.name = "attach",
	.summary = "let a vTPM open with a key of one more provider",
	.help = "Usage: vtpmctl provider attach NAME PROVIDER [--json]\n"
		"\n"
		"Has PROVIDER wrap the data key of the vTPM NAME, too. From then on any one of\n"
		"its providers is enough to start it, and losing one loses nothing.\n"
		"\n"
		"Example:\n"
		"  vtpmctl provider attach web1 escrow\n",
	.run = attach,
};

const struct verb verb_provider_detach = {
	.name = "detach",
	.summary = "take the wrap of a provider out of a vTPM",
	.help = "Usage: vtpmctl provider detach NAME PROVIDER [--json]\n"
		"\n"
		"Takes the wrap of PROVIDER out of the vTPM NAME. The last one cannot be taken\n"
		"out. PROVIDER need not be there any more.\n"
		"\n"
		"Who had a copy of the file and PROVIDER's key can still open what is sealed with\n"
		"the data key: give it another with: vtpmctl rekey NAME --deep\n"
		"\n"
		"Example:\n"
		"  vtpmctl provider detach web1 old\n",
	.run = detach,
};
