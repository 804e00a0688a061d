// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "util/varlink.h"
#include "vtpmctl/output.h"

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	bool root = false, chain = false, crl = false;
	const struct ctl_option options[] = {
		{ .name = "root", .flag = &root },
		{ .name = "chain", .flag = &chain },
		{ .name = "crl", .flag = &crl },
		{ 0 },
	};
	const char *file = NULL, *what = "issuing";
	_cleanup_(json) json_t *reply = NULL;
	int status;

	if (ctl_parse_optional(ctl, v, argc, argv, options, &file, 0, 1,
			       &status) < 0)
		return status;
	if (root + chain + crl > 1)
		return verb_usage(v);
	if (root)
		what = "root";
	else if (chain)
		what = "chain";
	else if (crl)
		what = "crl";
	status = client_call(
		ctl, &(struct client_call){
			     .method = "CaExport",
			     .parameters = json_pack("{s:s}", "what", what),
			     .on_last = output_keep,
			     .arg = &reply });
	if (status || (ctl->json && !file))
		return status;
	return output_write(file, json_text(reply, "pem"),
			    strlen(json_text(reply, "pem")));
}

const struct verb verb_ca_export = {
	.name = "export",
	.summary = "write certificates of the CA as PEM",
	.help = "Usage: vtpmctl ca export [--root|--chain|--crl] [FILE] [--json]\n"
		"\n"
		"Writes the newest issuing certificate as PEM to FILE or standard output.\n"
		"\n"
		"  --root   the root certificate, which verifiers are to trust\n"
		"  --chain  every issuing certificate there has been, and the root\n"
		"  --crl    the newest list of revoked certificates\n"
		"\n"
		"Examples:\n"
		"  vtpmctl ca export --root root.pem\n"
		"  vtpmctl ca export --chain chain.pem\n"
		"  openssl verify -CAfile root.pem -untrusted chain.pem ek.pem\n",
	.run = run,
};
