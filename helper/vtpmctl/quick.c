// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vtpmctl as it is called: the verbs that are called most, without libcrypto.
 * The rest is for the program that has all of them, under our name.
 */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vtpmctl/vtpmctl.h"

#define FULL "vtpmctl-full"

static const struct verb *const verbs[] = {
	&verb_create, &verb_start,  &verb_stop,	   &verb_list,
	&verb_show,   &verb_delete, &verb_monitor, &verb_unlock,
	&verb_reset,  &verb_set,    &verb_upgrade, NULL,
};

static bool is_quick(const char *name)
{
	for (size_t i = 0; verbs[i]; i++) {
		if (!strcmp(verbs[i]->name, name))
			return true;
	}
	return false;
}

/* As it is installed, or beside us in a directory of what was built. */
static int run_full(char **argv)
{
	static const char *const places[] = { "/../libexec/vtpm/", "/" };
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *dir;

	self[n < 0 ? 0 : n] = '\0';
	dir = dirname(self);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s" FULL, dir, places[i]);
		execv(path, argv);
	}
	fprintf(stderr, "vtpmctl: %s: %m\n", path);
	return CTL_FAILED;
}

int main(int argc, char **argv)
{
	struct ctl ctl = ctl_new();

	if (argc > 1 && is_quick(argv[1]))
		return verb_dispatch(&ctl, verbs, "vtpmctl", argc - 1,
				     argv + 1);
	return run_full(argv);
}
