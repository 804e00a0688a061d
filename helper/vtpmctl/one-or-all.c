// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print_one(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *v = json_object_get(p, "vtpm");
	const char *dev = json_text(json_object_get(v, "device"), "tpm");

	(void)ctl;
	(void)arg;
	printf("%s is %s%s%s\n", json_text(v, "name"), json_text(v, "state"),
	       *dev ? " on " : "", dev);
}

int client_call_one_or_all(struct ctl *ctl, const struct verb *v, int argc,
			   char **argv, const char *one,
			   const char *all_of_them, client_reply_fn on_all)
{
	const char *name;
	bool all;
	int status;

	if (ctl_parse_name_or_all(ctl, v, argc, argv, &name, &all, &status) < 0)
		return status;
	if (all)
		return client_call(ctl,
				   &(struct client_call){ .method = all_of_them,
							  .on_reply = on_all });
	return client_call(
		ctl, &(struct client_call){
			     .method = one,
			     .parameters = json_pack("{s:s}", "name", name),
			     .more = true,
			     .on_reply = print_one });
}

int client_call_named(struct ctl *ctl, const struct verb *v, int argc,
		      char **argv, struct client_call call)
{
	const char *name;
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, &name, 1, &status) < 0)
		return status;
	call.parameters = json_pack("{s:s}", "name", name);
	call.arg = (void *)name;
	return client_call(ctl, &call);
}
