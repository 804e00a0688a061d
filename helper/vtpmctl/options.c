// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vtpmctl/vtpmctl.h"

int verb_usage(const struct verb *v)
{
	fputs(v->help, stderr);
	return CTL_USAGE;
}

struct ctl ctl_new(void)
{
	const char *env = getenv("VTPM_SOCKET");

	return (struct ctl){
		.socket = env && *env ? env : "/run/vtpm/io.vtpm",
	};
}

int verb_dispatch(struct ctl *ctl, const struct verb *const *verbs,
		  const char *prefix, int argc, char **argv)
{
	for (size_t i = 0; argc > 0 && verbs[i]; i++) {
		if (!strcmp(verbs[i]->name, argv[0]))
			return verbs[i]->run(ctl, verbs[i], argc, argv);
	}
	if (argc > 0)
		fprintf(stderr, "%s: there is no verb \"%s\"; see: %s --help\n",
			prefix, argv[0], prefix);
	else
		fprintf(stderr, "%s: what? See: %s --help\n", prefix, prefix);
	return CTL_USAGE;
}

int verb_group(struct ctl *ctl, const struct verb *v,
	       const struct verb *const *verbs, const char *prefix, int argc,
	       char **argv)
{
	if (argc > 1 &&
	    (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(v->help, stdout);
		for (size_t i = 0; verbs[i]; i++)
			printf("  %-8s %s\n", verbs[i]->name,
			       verbs[i]->summary);
		return CTL_OK;
	}
	return verb_dispatch(ctl, verbs, prefix, argc - 1, argv + 1);
}

/* 1: taken, with @i moved on; 0: not one of them; -1: its value is missing. */
static int take_option(const struct ctl_option *options, int argc, char **argv,
		       int *i)
{
	const char *name = argv[*i] + 2;
	size_t len = strcspn(name, "=");

	for (const struct ctl_option *o = options; o && o->name; o++) {
		if (strlen(o->name) != len || strncmp(o->name, name, len))
			continue;
		if (o->flag) {
			*o->flag = true;
			return name[len] ? -1 : 1;
		}
		if (name[len] == '=')
			*o->value = name + len + 1;
		else if (*i + 1 < argc)
			*o->value = argv[++*i];
		else
			return -1;
		return 1;
	}
	return 0;
}

int ctl_parse(struct ctl *ctl, const struct verb *v, int argc, char **argv,
	      const struct ctl_option *options, const char **args,
	      size_t n_args, int *status)
{
	return ctl_parse_optional(ctl, v, argc, argv, options, args, n_args,
				  n_args, status);
}

int ctl_parse_optional(struct ctl *ctl, const struct verb *v, int argc,
		       char **argv, const struct ctl_option *options,
		       const char **args, size_t min, size_t max, int *status)
{
	size_t n = 0;

	*status = CTL_USAGE;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(v->help, stdout);
			*status = CTL_OK;
			return -1;
		} else if (!strcmp(argv[i], "--json")) {
			ctl->json = true;
		} else if (!strncmp(argv[i], "--", 2)) {
			if (take_option(options, argc, argv, &i) <= 0) {
				fprintf(stderr, "vtpmctl %s: bad option %s\n",
					v->name, argv[i]);
				verb_usage(v);
				return -1;
			}
		} else if (n < max) {
			args[n++] = argv[i];
		} else {
			n = max + 1;
		}
	}
	if (n < min || n > max) {
		verb_usage(v);
		return -1;
	}
	return 0;
}

int ctl_parse_name_or_all(struct ctl *ctl, const struct verb *v, int argc,
			  char **argv, const char **name, bool *all,
			  int *status)
{
	const struct ctl_option options[] = { { "all", all, NULL }, { 0 } };

	*all = false;
	for (int i = 1; i < argc; i++)
		*all |= !strcmp(argv[i], "--all");
	return ctl_parse(ctl, v, argc, argv, options, name, *all ? 0 : 1,
			 status);
}
