// SPDX-License-Identifier: GPL-2.0-or-later
#include "vtpmd/api.h"
#include "vtpmd/manager.h"

int api_set(struct manager *m, struct call *call, const struct param_values *in,
	    struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);
	const bool autostart = param_bool(in, 3, false);
	const struct set_options o = {
		.owner = param_string(in, 1),
		.mode = param_string(in, 2),
		.autostart = in->v[3] ? &autostart : NULL,
		.notes = param_string(in, 4),
	};

	return v ? vtpm_set(v, &o, call, err) : err->errnum;
}

int api_rename(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_rename(v, param_string(in, 1), call, err) : err->errnum;
}

int api_clone(struct manager *m, struct call *call,
	      const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);
	const struct clone_options o = {
		.name = param_string(in, 1),
		.mode = param_string(in, 2),
		.provider = param_string(in, 3),
		.certify = param_bool(in, 4, true),
	};

	return v ? vtpm_clone(v, &o, call, err) : err->errnum;
}
