// SPDX-License-Identifier: GPL-2.0-or-later
/* What every verb that makes a vTPM takes. */
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

json_t *ctl_create_parameters(const char *name, const struct ctl_create *c)
{
	json_t *p = json_pack("{s:s, s:b, s:b, s:b}", "name", name, "start",
			      !c->no_start, "autostart", c->autostart,
			      "ephemeral", c->ephemeral);

	if (!p) {
		fprintf(stderr, "vtpmctl: the name is not UTF-8 text\n");
		return NULL;
	}
	ctl_put_text(p, "provider", c->provider);
	ctl_put_text(p, "owner", c->owner);
	ctl_put_text(p, "mode", c->mode);
	return p;
}
