// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/log.h"

static struct {
	const char *ident;
	int max_level;
	int journal;
} log_state = { "vtpm", LOG_INFO, 0 };

void log_init(const char *ident, int max_level)
{
	log_state.ident = ident;
	log_state.max_level = max_level;
	log_state.journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_at(int level, const char *fmt, ...)
{
	char line[1024];
	int n = 0;
	va_list ap;

	if (level > log_state.max_level)
		return;
	if (log_state.journal)
		n = snprintf(line, sizeof(line), "<%d>", level);
	else
		n = snprintf(line, sizeof(line), "%s: ", log_state.ident);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	/* One write a line, so that processes do not mix their lines. */
	dprintf(STDERR_FILENO, "%s\n", line);
}
