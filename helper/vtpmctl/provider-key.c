// SPDX-License-Identifier: GPL-2.0-or-later
/* Make or destroy one key of a provider. */
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print_usable(const json_t *reply)
{
	const json_t *p = json_object_get(reply, "provider");
	const char *reason = json_text(p, "reason");

	if (*reason)
		printf("not usable: %s\n", reason);
}

static void print_new(struct ctl *ctl, json_t *reply, void *arg)
{
	(void)ctl;
	printf("provider %s wraps with key %s from now on\n", (const char *)arg,
	       json_text(reply, "keyId"));
	print_usable(reply);
}

static int run_new(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	return client_call_named(
		ctl, v, argc, argv,
		(struct client_call){ .method = "ProviderNewKey",
				      .on_reply = print_new });
}

const struct verb verb_provider_new_key = {
	.name = "new-key",
	.summary = "make another key, to wrap with from now on",
	.help = "Usage: vtpmctl provider new-key NAME [--json]\n"
		"\n"
		"vTPMs that are there keep the key that they have until they are rekeyed, and the\n"
		"older keys stay for them. A native provider wraps with the new one only after\n"
		"its own backup.\n"
		"\n"
		"Example, one year's key after another's:\n"
		"  vtpmctl provider new-key default\n"
		"  vtpmctl provider backup default /mnt/usb/vtpm-key-2027.p12\n"
		"  vtpmctl rekey --provider default\n"
		"  vtpmctl provider destroy-key default KEY-ID\n",
	.run = run_new,
};

static void print_destroyed(struct ctl *ctl, json_t *reply, void *arg)
{
	const json_t *user;
	size_t i;

	(void)ctl;
	printf("key %s was destroyed\n", (const char *)arg);
	json_array_foreach(json_object_get(reply, "users"), i, user)
		printf("%s has lost a wrap; if it was the last, it does not start again\n",
		       json_string_value(user));
	print_usable(reply);
}

static int run_destroy(struct ctl *ctl, const struct verb *v, int argc,
		       char **argv)
{
	bool yes = false, shred = false;
	const struct ctl_option options[] = { { .name = "yes", .flag = &yes },
					      { .name = "shred",
						.flag = &shred },
					      { 0 } };
	const char *names[2];
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, names, 2, &status) < 0)
		return status;
	if (!ctl_confirm(
		    v, yes, &status,
		    "Destroy key %s for good? Copies and backups of vTPMs that it wrapped never open again.",
		    names[1]))
		return status;
	return client_call(
		ctl, &(struct client_call){
			     .method = "ProviderDestroyKey",
			     .parameters = json_pack("{s:s, s:s, s:b}", "name",
						     names[0], "keyId",
						     names[1], "shred", shred),
			     .on_reply = print_destroyed,
			     .arg = (void *)names[1] });
}

const struct verb verb_provider_destroy_key = {
	.name = "destroy-key",
	.summary = "destroy one key for good",
	.help = "Usage: vtpmctl provider destroy-key NAME KEY-ID [--shred] [--yes] [--json]\n"
		"\n"
		"What the key wrapped never opens again: copies of vTPMs, old and new, and their\n"
		"backups, but for another wrap in them or a backup of the key. \"provider show\"\n"
		"has the keys. Refused while vTPMs have a wrap by it, which are listed.\n"
		"\n"
		"  --shred  even so: destroy what those vTPMs hold; one that runs goes on until\n"
		"           it is stopped\n"
		"  --yes    do not ask\n"
		"\n"
		"Example:\n"
		"  vtpmctl provider destroy-key default 9a2e9b4c-0c4d-4b58-8f6f-1d4a6c8f4e11\n",
	.run = run_destroy,
};
