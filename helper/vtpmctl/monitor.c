// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *e = json_object_get(p, "event");
	const char *old = json_text(e, "oldState");
	const char *state = json_text(e, "state");
	const char *reason = json_text(e, "reason");

	(void)ctl;
	(void)arg;
	/* The first reply only says that we are subscribed. */
	if (!json_is_object(e))
		return;
	printf("%s %s %s", json_text(e, "time"), json_text(e, "event"),
	       json_text(e, "name"));
	if (*state)
		printf(" %s%s%s", old, *old ? " -> " : "", state);
	if (*reason)
		printf(": %s", reason);
	putchar('\n');
	fflush(stdout);
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, NULL, 0, &status) < 0)
		return status;
	return client_call(ctl, &(struct client_call){ .method = "Monitor",
						       .more = true,
						       .on_reply = print });
}

const struct verb verb_monitor = {
	.name = "monitor",
	.summary = "print events as they happen",
	.help = "Usage: vtpmctl monitor [--json]\n"
		"\n"
		"Prints a line for every change of state until it is interrupted.\n"
		"\n"
		"Example:\n"
		"  vtpmctl monitor --json | jq -c .event\n",
	.run = run,
};
