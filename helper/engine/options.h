/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: Documentation/architecture.rst, "Engine command line". */
#ifndef VTPM_ENGINE_OPTIONS_H
#define VTPM_ENGINE_OPTIONS_H

#include <stdbool.h>

struct options {
	const char *name;
	const char *file;
	const char *user;
	int nvram_fd;
	int key_fd;
	int control_fd;
	int netlink_fd;
	int family;
	int checkpoint_fd; /* 0: none */
	bool resume;
	bool manufacture;
	bool set_name;
	const char *profile; /* or NULL */
	bool offline;
	const char *from; /* NULL: no source */
	int from_fd;
	const char *to; /* NULL: no target */
	int to_fd;
};

/* A number of @min or more, or -1. */
int options_number(const char *text, int min);
/* 0, or -EINVAL for what is none; --help and --version end the process. */
int options_parse(int argc, char **argv, struct options *o);
/* How it is used, on standard error. */
void options_usage(void);

#endif
