// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods that make vTPMs, run them and tell what they are. */
#include <errno.h>

#include "vtpmd/api-methods.h"
#include "vtpmd/identity.h"
#include "vtpmd/manager.h"
#include "vtpmd/resume.h"
#include "vtpmd/server.h"
#include "vtpmd/standby.h"
#include "vtpmd/stop-all.h"
#include "vtpmd/zygote.h"

int api_list(struct manager *m, struct call *call,
	     const struct param_values *in, struct error *err)
{
	json_t *vtpms = json_array();
	struct vtpm *v;

	(void)in;
	(void)err;
	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (!v->new)
			json_array_append_new(vtpms, vtpm_to_json(v));
	}
	call_reply(call, json_pack("{s:o}", "vtpms", vtpms));
	return 0;
}

int api_show(struct manager *m, struct call *call,
	     const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_show(v, call, err) : err->errnum;
}

/* One bit for each; 0 for what is no list of types. */
static unsigned int ek_types_wanted(const json_t *list)
{
	unsigned int types = list ? 0 : identity_default_types();
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item) {
		int type = ek_type_find(json_string_value(item));

		if (type < 0)
			return 0;
		types |= EK_BIT(type);
	}
	return types;
}

void api_take_create(const struct param_values *in, struct create_options *o)
{
	o->name = param_string(in, 0);
	o->provider = param_string(in, 1);
	o->start = param_bool(in, 2, true);
	o->autostart = param_bool(in, 3, false);
	o->owner = param_string(in, 4);
	o->mode = param_string(in, 5);
	o->ephemeral = param_bool(in, 6, false);
}

int api_create(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err)
{
	struct create_options o = {
		.certify = param_bool(in, 8, true),
		.ek_types = ek_types_wanted(in->v[7]),
		.pcr_banks = in->v[9],
		.profile = param_string(in, 10),
	};

	api_take_create(in, &o);
	if (!o.ek_types)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "endorsement keys are of the types rsa2048, "
				 "p256 and p384; name at least one");
	return vtpm_create(m, &o, call, err);
}

int api_start(struct manager *m, struct call *call,
	      const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);
	const struct start_options o = {
		.allow_rollback = param_bool(in, 1, false),
		.allow_duplicate = param_bool(in, 2, false),
	};

	return v ? vtpm_start(v, &o, call, err) : err->errnum;
}

int api_stop(struct manager *m, struct call *call,
	     const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_stop(v, call, err) : err->errnum;
}

int api_stop_all(struct manager *m, struct call *call,
		 const struct param_values *in, struct error *err)
{
	(void)in;
	return stop_all(m, call, err);
}

int api_delete(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_delete(v, call, err) : err->errnum;
}

int api_monitor(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err)
{
	int r;

	(void)in;
	if (!call_wants_more(call)) {
		call_fail(call, SERVICE ".ExpectedMore", NULL);
		return 0;
	}
	r = monitor_add(m, call);
	return r < 0 ? error_set(err, r, VTPM_ERR_INTERNAL, "out of memory")
		     : 0;
}

int api_reset(struct manager *m, struct call *call,
	      const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_reset(v, call, err) : err->errnum;
}

/* Also with the libraries that have come since. */
static void renew_programs(struct manager *m)
{
	zygote_renew(m->config.zygote);
	standby_forget(m->config.standby, NULL);
}

int api_upgrade(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	renew_programs(m);
	return v ? vtpm_upgrade(v, call, err) : err->errnum;
}

int api_upgrade_all(struct manager *m, struct call *call,
		    const struct param_values *in, struct error *err)
{
	(void)in;
	(void)err;
	renew_programs(m);
	call_reply(call, json_pack("{s:i}", "started", resume_upgrade_all(m)));
	return 0;
}
