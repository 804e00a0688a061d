/* SPDX-License-Identifier: GPL-2.0 */
/* Answers to requests that are put off; struct vtpm_reply_to in instance.h. */
#ifndef _VTPM_REPLY_H
#define _VTPM_REPLY_H

struct genl_info;
struct vtpm_instance;
struct vtpm_reply_to;

/* Remember who asked, and allocate what is to be answered. 0 or -ENOMEM. */
int vtpm_reply_prepare(struct genl_info *info, struct vtpm_reply_to *to);
/*
 * Answer: success, or @rc with a reason. Needs no memory; consumes what @to
 * holds. Of one that was never prepared nothing is sent.
 */
void vtpm_reply_instance(struct vtpm_reply_to *to, struct vtpm_instance *inst);
void vtpm_reply_status(struct vtpm_reply_to *to, int rc, const char *reason);
/* For one that need not be put off, or that nobody took over. */
void vtpm_reply_drop(struct vtpm_reply_to *to);

#endif
