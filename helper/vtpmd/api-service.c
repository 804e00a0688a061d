// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods of org.varlink.service: what is served here. */
#include <string.h>

#include "vtpmd/api-methods.h"
#include "vtpmd/server.h"

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

int api_get_info(struct manager *m, struct call *call,
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

int api_get_description(struct manager *m, struct call *call,
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
