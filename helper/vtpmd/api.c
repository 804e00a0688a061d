// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "util/log.h"
#include "vtpmd/api-methods.h"
#include "vtpmd/manager.h"
#include "vtpmd/pool.h"
#include "vtpmd/server.h"

/* Not ours at all, or just not a method of it? */
static void fail_unknown(struct call *call)
{
	const char *name = call_method(call), *dot = strrchr(name, '.');
	size_t n = dot ? (size_t)(dot - name) : 0;

	if (dot && ((n == strlen(SERVICE) && !strncmp(name, SERVICE, n)) ||
		    (n == strlen(INTERFACE) && !strncmp(name, INTERFACE, n))))
		call_fail(call, SERVICE ".MethodNotFound",
			  json_pack("{s:s}", "method", name));
	else if (dot)
		call_fail(call, SERVICE ".InterfaceNotFound",
			  json_pack("{s:s%}", "interface", name, n));
	else
		call_fail(call, SERVICE ".InvalidParameter",
			  json_pack("{s:s}", "parameter", "method"));
}

/* What is made after them is to be by other keys or certificates. */
static const char *const new_keys[] = {
	INTERFACE ".ProviderAdd",
	INTERFACE ".ProviderSetDefault",
	INTERFACE ".ProviderNewKey",
	INTERFACE ".ProviderDestroyKey",
	INTERFACE ".ProviderRemove",
	INTERFACE ".ProviderBackup",
	INTERFACE ".ProviderRestore",
	INTERFACE ".CaInit",
	INTERFACE ".CaRenew",
	INTERFACE ".CaRemove",
	NULL,
};

static bool is_one_of(const char *name, const char *const *list)
{
	while (*list && strcmp(*list, name))
		list++;
	return *list;
}

static int check_right(const struct manager *m, const struct method *method,
		       const struct call *call, struct error *err)
{
	if (m->stopping && method->changes)
		return error_set(err, -ESHUTDOWN, VTPM_ERR_BUSY,
				 "vtpmd is stopping; try again when it runs");
	if (call_right(call) >= method->right)
		return 0;
	log_notice("uid %u may not call %s", call_uid(call), method->name);
	if (method->right == RIGHT_KEYS)
		return error_set(err, -EPERM, VTPM_ERR_DENIED,
				 "only root may handle keys");
	return error_set(err, -EPERM, VTPM_ERR_DENIED,
			 "only root and members of group vtpm-admin may do "
			 "that");
}

void api_handle(struct call *call, void *arg)
{
	const struct method *method = api_find_method(call_method(call));
	struct manager *m = arg;
	struct param_values in;
	struct error err = { 0 };
	const char *bad;

	if (!method) {
		fail_unknown(call);
		return;
	}
	if (params_take(call_parameters(call), method->params, &in, &bad) < 0) {
		call_fail(call, SERVICE ".InvalidParameter",
			  json_pack("{s:s}", "parameter", bad));
		return;
	}
	if (check_right(m, method, call, &err) < 0) {
		call_error(call, &err);
		return;
	}
	if (is_one_of(method->name, new_keys))
		pool_drop(m);
	if (method->fn(m, call, &in, &err) < 0)
		call_error(call, &err);
}
