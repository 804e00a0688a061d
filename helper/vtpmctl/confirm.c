// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vtpmctl/vtpmctl.h"

bool ctl_confirm(const struct verb *v, bool yes, int *status,
		 const char *question, ...)
{
	char answer[16] = "";
	va_list ap;

	if (yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr,
			"vtpmctl: %s asks first, and there is no terminal; say --yes if you mean it\n",
			v->name);
		*status = CTL_USAGE;
		return false;
	}
	va_start(ap, question);
	vfprintf(stderr, question, ap);
	va_end(ap);
	fputs(" [y/N] ", stderr);
	if (fgets(answer, sizeof(answer), stdin) &&
	    (!strcmp(answer, "y\n") || !strcmp(answer, "yes\n")))
		return true;
	fprintf(stderr, "vtpmctl: nothing was done\n");
	*status = CTL_FAILED;
	return false;
}
