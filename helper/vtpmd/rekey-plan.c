// SPDX-License-Identifier: GPL-2.0-or-later
/* Which wraps a vTPM is to have: decided in memory, before anything is done. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vtpmd/operation.h"
#include "vtpmd/rekey.h"

static bool has(const struct rekey_plan *plan, const char *provider)
{
	for (uint32_t i = 0; i < plan->n; i++) {
		if (!strcmp(plan->entry[i].provider, provider))
			return true;
	}
	return false;
}

static void add(struct rekey_plan *plan, const char *provider, bool anew)
{
	snprintf(plan->entry[plan->n].provider, NAME_MAX_LEN + 1, "%s",
		 provider);
	plan->entry[plan->n++].anew = anew;
}

static int not_attached(const struct operation *op, struct error *err)
{
	return error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
			 "vTPM %s has no wrap of provider %s; see: vtpmctl "
			 "show %s",
			 op->name, op->plan->provider, op->name);
}

static int plan_anew(struct operation *op, struct error *err)
{
	struct rekey_plan *plan = op->plan;
	bool found = false;

	for (uint32_t i = 0; i < op->info.n_wraps; i++) {
		const char *provider = op->info.wrap[i].provider;
		bool chosen =
			!plan->provider[0] || !strcmp(plan->provider, provider);
		const char *by = chosen && plan->to[0] ? plan->to : provider;

		found |= chosen;
		/* Several may become one; a new data key wants new wraps. */
		if (!has(plan, by))
			add(plan, by, chosen || plan->deep);
		else
			for (uint32_t k = 0; k < plan->n; k++)
				plan->entry[k].anew |=
					!strcmp(plan->entry[k].provider, by);
	}
	return found ? 0 : not_attached(op, err);
}

static int plan_attach(struct operation *op, struct error *err)
{
	struct rekey_plan *plan = op->plan;

	for (uint32_t i = 0; i < op->info.n_wraps; i++)
		add(plan, op->info.wrap[i].provider, false);
	if (has(plan, plan->to))
		return error_set(err, -EEXIST, VTPM_ERR_EXISTS,
				 "provider %s is attached to vTPM %s already; "
				 "for a wrap by its newest key: vtpmctl rekey "
				 "%s --provider %s",
				 plan->to, op->name, op->name, plan->to);
	if (plan->n == NVRAM_MAX_WRAPS)
		return error_set(err, -ENOSPC, VTPM_ERR_INVALID,
				 "vTPM %s has %u wraps, which is the limit; "
				 "detach a provider first",
				 op->name, plan->n);
	add(plan, plan->to, true);
	return 0;
}

static int plan_detach(struct operation *op, struct error *err)
{
	struct rekey_plan *plan = op->plan;

	for (uint32_t i = 0; i < op->info.n_wraps; i++) {
		if (strcmp(plan->provider, op->info.wrap[i].provider))
			add(plan, op->info.wrap[i].provider, false);
	}
	if (plan->n == op->info.n_wraps)
		return not_attached(op, err);
	if (plan->n)
		return 0;
	return error_set(err, -EINVAL, VTPM_ERR_STATE,
			 "provider %s is the only one of vTPM %s, which would "
			 "never open again; attach another first with: vtpmctl "
			 "provider attach %s PROVIDER",
			 plan->provider, op->name, op->name);
}

int rekey_plan(struct operation *op, struct error *err)
{
	op->plan->n = 0;
	switch (op->plan->kind) {
	case REKEY_ATTACH:
		return plan_attach(op, err);
	case REKEY_DETACH:
		return plan_detach(op, err);
	case REKEY_ANEW:
	default:
		return plan_anew(op, err);
	}
}
