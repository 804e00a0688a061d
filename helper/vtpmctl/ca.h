/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of the verbs of "ca" for one another. */
#ifndef VTPM_VTPMCTL_CA_H
#define VTPM_VTPMCTL_CA_H

#include "vtpmctl/vtpmctl.h"

/* For struct client_call: a reply with a CA. */
void ca_print(struct ctl *ctl, json_t *reply, void *arg);

#endif
