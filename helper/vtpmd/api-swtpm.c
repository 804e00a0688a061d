// SPDX-License-Identifier: GPL-2.0-or-later
#include "vtpmd/api.h"
#include "vtpmd/manager.h"

int api_import_swtpm(struct manager *m, struct call *call,
		     const struct param_values *in, struct error *err)
{
	const struct create_options o = {
		.name = param_string(in, 0),
		.provider = param_string(in, 1),
		.start = param_bool(in, 2, true),
		.autostart = param_bool(in, 3, false),
		.owner = param_string(in, 4),
		.mode = param_string(in, 5),
		.ephemeral = param_bool(in, 6, false),
	};

	return vtpm_import_swtpm(m, &o, call, err);
}

int api_export_swtpm(struct manager *m, struct call *call,
		     const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_export_swtpm(v, param_bool(in, 1, false), call, err)
		 : err->errnum;
}
