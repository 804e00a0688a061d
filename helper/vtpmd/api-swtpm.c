// SPDX-License-Identifier: GPL-2.0-or-later
#include "vtpmd/api.h"
#include "vtpmd/manager.h"

int api_import_swtpm(struct manager *m, struct call *call,
		     const struct param_values *in, struct error *err)
{
	struct create_options o = { 0 };

	api_take_create(in, &o);
	return vtpm_import_swtpm(m, &o, call, err);
}

int api_export_swtpm(struct manager *m, struct call *call,
		     const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_export_swtpm(v, param_bool(in, 1, false), call, err)
		 : err->errnum;
}
