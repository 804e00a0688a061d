// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods that change key providers; each is a job. */
#include <errno.h>
#include <string.h>

#include "vtpmd/api.h"
#include "vtpmd/provider-change.h"
#include "vtpmd/provider.h"
#include "vtpmd/server.h"

#define MAX_PROVIDERS 64

static int check_room(struct manager *m, struct error *err)
{
	struct provider *p;
	unsigned int n = 0;

	TAILQ_FOREACH(p, &m->providers, link)
		n++;
	if (n < MAX_PROVIDERS)
		return 0;
	return error_set(err, -ENOSPC, VTPM_ERR_INVALID,
			 "there are %u key providers; that is the limit", n);
}

int api_provider_add(struct manager *m, struct call *call,
		     const struct param_values *in, struct error *err)
{
	const char *name = param_string(in, 0), *type = param_string(in, 1);
	struct provider *p;
	int r = name_check(name, err);

	if (!r)
		r = name_check(type, err);
	if (!r)
		r = provider_check_type(&m->config, type, err);
	if (!r)
		r = check_room(m, err);
	if (r < 0)
		return r;
	p = provider_find_any(m, name);
	if (p && !p->new)
		return error_set(err, -EEXIST, VTPM_ERR_EXISTS,
				 "there is a provider %s already; choose "
				 "another name",
				 name);
	if (p)
		return provider_check_idle(p, err);
	return provider_change(m, call, &provider_add_ops,
			       manager_add_provider(m, name), true, type,
			       in->v[2], err);
}

static int check_fds(const struct call *call, struct error *err)
{
	if (call_fd(call, 1) >= 0)
		return 0;
	return error_set(err, -EBADF, VTPM_ERR_INVALID,
			 "two descriptors have to come with the call: of the "
			 "password and of the document");
}

int api_provider_backup(struct manager *m, struct call *call,
			const struct param_values *in, struct error *err)
{
	struct provider *p;
	int r = check_fds(call, err);

	if (r < 0)
		return r;
	p = provider_find_idle(m, param_string(in, 0), err);
	return p ? provider_change(m, call, &provider_backup_ops, p, false, "",
				   NULL, err)
		 : err->errnum;
}

int api_provider_restore(struct manager *m, struct call *call,
			 const struct param_values *in, struct error *err)
{
	const char *name = param_string(in, 0), *type = param_string(in, 1);
	struct provider *p;
	int r = name_check(name, err);

	if (!r)
		r = name_check(type, err);
	if (!r)
		r = provider_check_type(&m->config, type, err);
	if (!r)
		r = check_fds(call, err);
	if (!r)
		r = check_room(m, err);
	if (r < 0)
		return r;
	p = provider_find_any(m, name);
	if (p) {
		r = provider_check_idle(p, err);
		return r < 0 ? r
			     : provider_change(m, call, &provider_restore_ops,
					       p, false, type, NULL, err);
	}
	return provider_change(m, call, &provider_restore_ops,
			       manager_add_provider(m, name), true, type, NULL,
			       err);
}
