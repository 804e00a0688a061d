/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of the daemons to standard error, with the "<N>" prefix that
 * systemd's journal understands where standard error is the journal.
 * Libraries (nvram, util) never log: they return errors.
 */
#ifndef VTPM_UTIL_LOG_H
#define VTPM_UTIL_LOG_H

#include <syslog.h>

/* @ident stands before every message and must outlive the process. */
void log_init(const char *ident, int max_level);
void log_at(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_at(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
