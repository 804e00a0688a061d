/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What verbs write to files, and read from them. */
#ifndef VTPM_VTPMCTL_OUTPUT_H
#define VTPM_VTPMCTL_OUTPUT_H

#include "vtpmctl/vtpmctl.h"

/* client_reply_fn that keeps the reply: *(json_t **)arg is a new reference. */
void output_keep(struct ctl *ctl, json_t *reply, void *arg);

/*
 * Write all of it to @file, or to standard output if that is NULL; what was
 * there before survives a failure. An exit status, after a message.
 */
int output_write(const char *file, const void *data, size_t len);

/*
 * Certificates in @file as PEM; what is DER is put into PEM. NULL after a
 * message; the caller frees it.
 */
char *input_pem(const char *file);

/* PEM of what is base64 already; the caller frees it. */
char *pem_of_base64(const char *label, const char *base64);

#endif
