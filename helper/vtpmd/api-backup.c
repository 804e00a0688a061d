// SPDX-License-Identifier: GPL-2.0-or-later
#include "vtpmd/api.h"
#include "vtpmd/manager.h"

int api_backup(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_backup(v, call, err) : err->errnum;
}

int api_verify_backup(struct manager *m, struct call *call,
		      const struct param_values *in, struct error *err)
{
	(void)in;
	return backup_verify(m, call, err);
}

int api_restore(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err)
{
	return backup_restore(m, param_string(in, 0), param_bool(in, 1, false),
			      call, err);
}
