// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *v = json_object_get(p, "vtpm");

	(void)ctl;
	(void)arg;
	printf("%s: owner %lld:%lld, mode %s, autostart %s\n",
	       json_text(v, "name"),
	       json_integer_value(json_object_get(v, "ownerUid")),
	       json_integer_value(json_object_get(v, "ownerGid")),
	       json_text(v, "mode"),
	       json_is_true(json_object_get(v, "autostart")) ? "yes" : "no");
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *owner = NULL, *mode = NULL, *notes = NULL, *name;
	bool on = false, off = false;
	const struct ctl_option options[] = {
		{ .name = "owner", .value = &owner },
		{ .name = "mode", .value = &mode },
		{ .name = "notes", .value = &notes },
		{ .name = "autostart", .flag = &on },
		{ .name = "no-autostart", .flag = &off },
		{ 0 },
	};
	json_t *p;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, &name, 1, &status) < 0)
		return status;
	if ((on && off) || !(on || off || owner || mode || notes))
		return verb_usage(v);
	p = json_pack("{s:s}", "name", name);
	ctl_put_text(p, "owner", owner);
	ctl_put_text(p, "mode", mode);
	ctl_put_text(p, "notes", notes);
	if (on || off)
		json_object_set_new(p, "autostart", json_boolean(on));
	return client_call(ctl, &(struct client_call){ .method = "Set",
						       .parameters = p,
						       .on_reply = print });
}

const struct verb verb_set = {
	.name = "set",
	.summary = "change owner, mode, autostart or notes",
	.help = "Usage: vtpmctl set NAME [--owner USER[:GROUP]] [--mode MODE] [--notes TEXT]\n"
		"                   [--autostart | --no-autostart] [--json]\n"
		"\n"
		"What is not named stays as it is. Owner and mode are those of /dev/tpmN and\n"
		"/dev/tpmrmN from the next start on; udev rules of your own can change nodes that\n"
		"are there. Empty notes are none.\n"
		"\n"
		"Examples:\n"
		"  vtpmctl set web1 --autostart\n"
		"  vtpmctl set vm1 --owner libvirt-qemu --mode 0600 --notes 'of the build farm'\n",
	.run = run,
};
