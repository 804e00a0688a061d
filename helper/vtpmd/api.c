// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "util/log.h"
#include "vtpmd/api.h"
#include "vtpmd/identity.h"
#include "vtpmd/manager.h"
#include "vtpmd/pool.h"
#include "vtpmd/resume.h"
#include "vtpmd/server.h"
#include "vtpmd/stop-all.h"
#include "vtpmd/standby.h"
#include "vtpmd/zygote.h"

#define SERVICE "org.varlink.service"
#define INTERFACE "io.vtpm"

static const char interface_text[] =
#include "io.vtpm.varlink.h"
	;

static const char service_text[] =
	"# The Varlink service interface\n"
	"interface org.varlink.service\n\n"
	"method GetInfo() -> (vendor: string, product: string, version: "
	"string,\n"
	"  url: string, interfaces: []string)\n\n"
	"method GetInterfaceDescription(interface: string) -> (description: "
	"string)\n\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n";

static int get_info(struct manager *m, struct call *call,
		    const struct param_values *in, struct error *err)
{
	(void)m;
	(void)in;
	(void)err;
	call_reply(call,
		   json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", "vtpm",
			     "product", "vtpmd", "version", VTPM_VERSION, "url",
			     "", "interfaces", SERVICE, INTERFACE));
	return 0;
}

static int get_description(struct manager *m, struct call *call,
			   const struct param_values *in, struct error *err)
{
	const char *name = param_string(in, 0), *text = NULL;

	(void)m;
	(void)err;
	if (!strcmp(name, INTERFACE))
		text = interface_text;
	else if (!strcmp(name, SERVICE))
		text = service_text;
	if (text)
		call_reply(call, json_pack("{s:s}", "description", text));
	else
		call_fail(call, SERVICE ".InterfaceNotFound",
			  json_pack("{s:s}", "interface", name));
	return 0;
}

static int list(struct manager *m, struct call *call,
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

static int show(struct manager *m, struct call *call,
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

static int create(struct manager *m, struct call *call,
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

static int start(struct manager *m, struct call *call,
		 const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);
	const struct start_options o = {
		.allow_rollback = param_bool(in, 1, false),
		.allow_duplicate = param_bool(in, 2, false),
	};

	return v ? vtpm_start(v, &o, call, err) : err->errnum;
}

static int stop(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_stop(v, call, err) : err->errnum;
}

static int stop_all_method(struct manager *m, struct call *call,
			   const struct param_values *in, struct error *err)
{
	(void)in;
	return stop_all(m, call, err);
}

static int delete (struct manager *m, struct call *call,
		   const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	return v ? vtpm_delete(v, call, err) : err->errnum;
}

static int monitor(struct manager *m, struct call *call,
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

static int reset(struct manager *m, struct call *call,
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

static int upgrade(struct manager *m, struct call *call,
		   const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);

	renew_programs(m);
	return v ? vtpm_upgrade(v, call, err) : err->errnum;
}

static int upgrade_all(struct manager *m, struct call *call,
		       const struct param_values *in, struct error *err)
{
	(void)in;
	(void)err;
	renew_programs(m);
	call_reply(call, json_pack("{s:i}", "started", resume_upgrade_all(m)));
	return 0;
}

#define STRING(n)                      \
	{                              \
		n, PARAM_STRING, false \
	}
#define OPT_STRING(n)                 \
	{                             \
		n, PARAM_STRING, true \
	}
#define OPT_BOOL(n)                 \
	{                           \
		n, PARAM_BOOL, true \
	}
#define OPT_ARRAY(n)                 \
	{                            \
		n, PARAM_ARRAY, true \
	}
#define OPT_INT(n)                 \
	{                          \
		n, PARAM_INT, true \
	}
#define OPT_OBJECT(n)                 \
	{                             \
		n, PARAM_OBJECT, true \
	}

static const struct method {
	const char *name;
	method_fn fn;
	enum right right;
	bool changes; /* refused while vtpmd ends */
	struct param params[PARAMS_MAX + 1];
} methods[] = {
	{ SERVICE ".GetInfo", get_info, RIGHT_READ, false, { { 0 } } },
	{ SERVICE ".GetInterfaceDescription",
	  get_description,
	  RIGHT_READ,
	  false,
	  { STRING("interface") } },
	{ INTERFACE ".List", list, RIGHT_READ, false, { { 0 } } },
	{ INTERFACE ".Show", show, RIGHT_READ, false, { STRING("name") } },
	{ INTERFACE ".Monitor", monitor, RIGHT_READ, false, { { 0 } } },
	{ INTERFACE ".Create",
	  create,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name"), OPT_STRING("provider"), OPT_BOOL("start"),
	    OPT_BOOL("autostart"), OPT_STRING("owner"), OPT_STRING("mode"),
	    OPT_BOOL("ephemeral"), OPT_ARRAY("endorsementKeys"),
	    OPT_BOOL("certificates"), OPT_ARRAY("pcrBanks"),
	    OPT_STRING("profile") } },
	{ INTERFACE ".Start",
	  start,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name"), OPT_BOOL("allowRollback"),
	    OPT_BOOL("allowDuplicate") } },
	{ INTERFACE ".Stop", stop, RIGHT_OPERATE, true, { STRING("name") } },
	{ INTERFACE ".StopAll",
	  stop_all_method,
	  RIGHT_OPERATE,
	  true,
	  { { 0 } } },
	{ INTERFACE ".Delete",
	  delete,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name") } },
	{ INTERFACE ".Check",
	  api_check,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name") } },
	{ INTERFACE ".Repair",
	  api_repair,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name") } },
	{ INTERFACE ".Unlock",
	  api_unlock,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name") } },
	{ INTERFACE ".UnlockAll",
	  api_unlock_all,
	  RIGHT_OPERATE,
	  true,
	  { { 0 } } },
	{ INTERFACE ".Upgrade",
	  upgrade,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name") } },
	{ INTERFACE ".UpgradeAll",
	  upgrade_all,
	  RIGHT_OPERATE,
	  true,
	  { { 0 } } },
	{ INTERFACE ".Backup",
	  api_backup,
	  RIGHT_OPERATE,
	  false,
	  { STRING("name") } },
	{ INTERFACE ".VerifyBackup",
	  api_verify_backup,
	  RIGHT_OPERATE,
	  true,
	  { { 0 } } },
	{ INTERFACE ".Restore",
	  api_restore,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name"), OPT_BOOL("allowRollback") } },
	{ INTERFACE ".ImportSwtpm",
	  api_import_swtpm,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name"), OPT_STRING("provider"), OPT_BOOL("start"),
	    OPT_BOOL("autostart"), OPT_STRING("owner"), OPT_STRING("mode"),
	    OPT_BOOL("ephemeral") } },
	{ INTERFACE ".ExportSwtpm",
	  api_export_swtpm,
	  RIGHT_KEYS,
	  true,
	  { STRING("name"), OPT_BOOL("plain") } },
	{ INTERFACE ".Reset", reset, RIGHT_OPERATE, true, { STRING("name") } },
	{ INTERFACE ".Clone",
	  api_clone,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name"), STRING("to"), OPT_STRING("mode"),
	    OPT_STRING("provider"), OPT_BOOL("certificates") } },
	{ INTERFACE ".Rename",
	  api_rename,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name"), STRING("to") } },
	{ INTERFACE ".Set",
	  api_set,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name"), OPT_STRING("owner"), OPT_STRING("mode"),
	    OPT_BOOL("autostart"), OPT_STRING("notes") } },
	{ INTERFACE ".Rekey",
	  api_rekey,
	  RIGHT_KEYS,
	  true,
	  { STRING("name"), OPT_STRING("provider"), OPT_STRING("to"),
	    OPT_BOOL("deep") } },
	{ INTERFACE ".RekeyAll",
	  api_rekey_all,
	  RIGHT_KEYS,
	  true,
	  { OPT_STRING("provider"), OPT_STRING("to"), OPT_BOOL("deep") } },
	{ INTERFACE ".ProviderAttach",
	  api_provider_attach,
	  RIGHT_KEYS,
	  true,
	  { STRING("vtpm"), STRING("provider") } },
	{ INTERFACE ".ProviderDetach",
	  api_provider_detach,
	  RIGHT_KEYS,
	  true,
	  { STRING("vtpm"), STRING("provider") } },
	{ INTERFACE ".ProviderForget",
	  api_provider_forget,
	  RIGHT_KEYS,
	  true,
	  { STRING("name") } },
	{ INTERFACE ".ProviderList",
	  api_provider_list,
	  RIGHT_READ,
	  false,
	  { { 0 } } },
	{ INTERFACE ".ProviderShow",
	  api_provider_show,
	  RIGHT_READ,
	  false,
	  { STRING("name") } },
	{ INTERFACE ".ProviderAdd",
	  api_provider_add,
	  RIGHT_KEYS,
	  true,
	  { STRING("name"), STRING("type"), OPT_OBJECT("config") } },
	{ INTERFACE ".ProviderCheck",
	  api_provider_check,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name") } },
	{ INTERFACE ".ProviderGetDefault",
	  api_provider_get_default,
	  RIGHT_READ,
	  false,
	  { { 0 } } },
	{ INTERFACE ".ProviderSetDefault",
	  api_provider_set_default,
	  RIGHT_KEYS,
	  true,
	  { STRING("name") } },
	{ INTERFACE ".ProviderNewKey",
	  api_provider_new_key,
	  RIGHT_KEYS,
	  true,
	  { STRING("name") } },
	{ INTERFACE ".ProviderDestroyKey",
	  api_provider_destroy_key,
	  RIGHT_KEYS,
	  true,
	  { STRING("name"), STRING("keyId"), OPT_BOOL("shred") } },
	{ INTERFACE ".ProviderRemove",
	  api_provider_remove,
	  RIGHT_KEYS,
	  true,
	  { STRING("name") } },
	{ INTERFACE ".ProviderBackup",
	  api_provider_backup,
	  RIGHT_KEYS,
	  true,
	  { STRING("name") } },
	{ INTERFACE ".ProviderRestore",
	  api_provider_restore,
	  RIGHT_KEYS,
	  true,
	  { STRING("name"), STRING("type") } },
	{ INTERFACE ".CaInit",
	  api_ca_init,
	  RIGHT_KEYS,
	  true,
	  { OPT_STRING("provider"), OPT_STRING("algorithm"), OPT_STRING("name"),
	    OPT_STRING("aiaUrl"), OPT_STRING("crlUrl") } },
	{ INTERFACE ".CaShow", api_ca_show, RIGHT_READ, false, { { 0 } } },
	{ INTERFACE ".CaExport",
	  api_ca_export,
	  RIGHT_READ,
	  false,
	  { OPT_STRING("what") } },
	{ INTERFACE ".CaRenew", api_ca_renew, RIGHT_KEYS, true, { { 0 } } },
	{ INTERFACE ".CaRekey",
	  api_ca_rekey,
	  RIGHT_KEYS,
	  true,
	  { OPT_STRING("to") } },
	{ INTERFACE ".CaCrl",
	  api_ca_crl,
	  RIGHT_KEYS,
	  true,
	  { OPT_INT("days") } },
	{ INTERFACE ".CaRevoke",
	  api_ca_revoke,
	  RIGHT_KEYS,
	  true,
	  { OPT_STRING("name"), OPT_STRING("serial") } },
	{ INTERFACE ".CaRemove", api_ca_remove, RIGHT_KEYS, true, { { 0 } } },
	{ INTERFACE ".EkShow",
	  api_ek_show,
	  RIGHT_READ,
	  false,
	  { STRING("name") } },
	{ INTERFACE ".EkList", api_ek_list, RIGHT_READ, false, { { 0 } } },
	{ INTERFACE ".EkRequest",
	  api_ek_request,
	  RIGHT_READ,
	  false,
	  { STRING("name"), STRING("type"), OPT_STRING("aiaUrl"),
	    OPT_STRING("crlUrl") } },
	{ INTERFACE ".EkImport",
	  api_ek_import,
	  RIGHT_OPERATE,
	  true,
	  { STRING("name"), STRING("type"), STRING("certificate"),
	    OPT_STRING("chain") } },
};

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	}
	return NULL;
}

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
	const struct method *method = find_method(call_method(call));
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
