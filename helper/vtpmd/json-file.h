/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are the old one or the new one, whole, after a power cut. */
#ifndef VTPM_VTPMD_JSON_FILE_H
#define VTPM_VTPMD_JSON_FILE_H

#include <stddef.h>

#include <jansson.h>

#include "util/error.h"

/* @where names the directory in errors; -ENOENT: there is no such file. */
int json_file_load(int dir_fd, const char *file, size_t max, const char *where,
		   json_t **out, struct error *err);
int json_file_save(int dir_fd, const char *file, const char *where,
		   const json_t *json, struct error *err);
/* The same of any text. */
int text_file_save(int dir_fd, const char *file, const char *where,
		   const char *text, struct error *err);

#endif
