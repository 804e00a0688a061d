// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods on the data keys of vTPMs, their wraps, and what needs them. */
#include <errno.h>

#include "vtpmd/api.h"
#include "vtpmd/locked.h"
#include "vtpmd/manager.h"
#include "vtpmd/rekey.h"
#include "vtpmd/server.h"

int api_rekey(struct manager *m, struct call *call,
	      const struct param_values *in, struct error *err)
{
	const struct rekey_options o = {
		.provider = param_string(in, 1),
		.to = param_string(in, 2),
		.deep = param_bool(in, 3, false),
	};
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_rekey(v, &o, call, err) : err->errnum;
}

int api_rekey_all(struct manager *m, struct call *call,
		  const struct param_values *in, struct error *err)
{
	const struct rekey_options o = {
		.provider = param_string(in, 0),
		.to = param_string(in, 1),
		.deep = param_bool(in, 2, false),
	};
	int r = o.provider ? name_check(o.provider, err) : 0;

	if (!r && o.to)
		r = name_check(o.to, err);
	if (r < 0)
		return r;
	/* Once, and not again for each of them. */
	if (o.to && !manager_find_provider(m, o.to))
		return error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
				 "there is no key provider %s; see: vtpmctl "
				 "provider list",
				 o.to);
	return rekey_all(m, &o, call, err);
}

int api_provider_forget(struct manager *m, struct call *call,
			const struct param_values *in, struct error *err)
{
	const struct rekey_options o = {
		.provider = param_string(in, 0),
		.forget = true,
	};
	int r = name_check(o.provider, err);

	/* It need not be there any more. */
	return r < 0 ? r : rekey_all(m, &o, call, err);
}

int api_check(struct manager *m, struct call *call,
	      const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_check_file(v, false, call, err) : err->errnum;
}

int api_repair(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_check_file(v, true, call, err) : err->errnum;
}

int api_unlock(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? locked_unlock(v, call, err) : err->errnum;
}

int api_unlock_all(struct manager *m, struct call *call,
		   const struct param_values *in, struct error *err)
{
	(void)in;
	(void)err;
	call_reply(call, json_pack("{s:I}", "tried",
				   (json_int_t)locked_unlock_all(m)));
	return 0;
}

int api_provider_attach(struct manager *m, struct call *call,
			const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_attach_provider(v, param_string(in, 1), call, err)
		 : err->errnum;
}

int api_provider_detach(struct manager *m, struct call *call,
			const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_detach_provider(v, param_string(in, 1), call, err)
		 : err->errnum;
}
