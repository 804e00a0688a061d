// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "util/text.h"
#include "vtpmctl/ca.h"

static int run_renew(struct ctl *ctl, const struct verb *v, int argc,
		     char **argv)
{
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, NULL, 0, &status) < 0)
		return status;
	return client_call(ctl, &(struct client_call){ .method = "CaRenew",
						       .on_reply = ca_print });
}

static int run_rekey(struct ctl *ctl, const struct verb *v, int argc,
		     char **argv)
{
	const char *to = NULL;
	const struct ctl_option options[] = { { .name = "to", .value = &to },
					      { 0 } };
	json_t *p = json_object();
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, NULL, 0, &status) < 0) {
		json_decref(p);
		return status;
	}
	ctl_put_text(p, "to", to);
	return client_call(ctl, &(struct client_call){ .method = "CaRekey",
						       .parameters = p,
						       .on_reply = ca_print });
}

static int run_crl(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *days = NULL;
	const struct ctl_option options[] = {
		{ .name = "days", .value = &days }, { 0 }
	};
	json_t *p = json_object();
	uint32_t n = 0;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, NULL, 0, &status) < 0) {
		json_decref(p);
		return status;
	}
	if (days && number_parse(days, 1, 3660, &n) < 0) {
		json_decref(p);
		return verb_usage(v);
	}
	if (days)
		json_object_set_new(p, "days", json_integer(n));
	return client_call(ctl, &(struct client_call){ .method = "CaCrl",
						       .parameters = p,
						       .on_reply = ca_print });
}

static void print_revoked(struct ctl *ctl, json_t *reply, void *arg)
{
	json_t *serial;
	size_t i;

	(void)ctl;
	(void)arg;
	json_array_foreach(json_object_get(reply, "revoked"), i, serial)
		printf("revoked %s\n", json_string_value(serial));
}

static int run_revoke(struct ctl *ctl, const struct verb *v, int argc,
		      char **argv)
{
	bool yes = false, serial = false;
	const struct ctl_option options[] = {
		{ .name = "yes", .flag = &yes },
		{ .name = "serial", .flag = &serial },
		{ 0 },
	};
	const char *what;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, &what, 1, &status) < 0)
		return status;
	if (!ctl_confirm(v, yes, &status,
			 "Revoke for good the certificates of %s?", what))
		return status;
	return client_call(
		ctl, &(struct client_call){
			     .method = "CaRevoke",
			     .parameters = json_pack(
				     "{s:s}", serial ? "serial" : "name", what),
			     .on_reply = print_revoked });
}

static int run_remove(struct ctl *ctl, const struct verb *v, int argc,
		      char **argv)
{
	bool yes = false;
	const struct ctl_option options[] = { { .name = "yes", .flag = &yes },
					      { 0 } };
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, NULL, 0, &status) < 0)
		return status;
	if (!ctl_confirm(
		    v, yes, &status,
		    "Remove the CA? Its private keys are lost for good; no "
		    "certificate of it can be revoked afterwards."))
		return status;
	return client_call(ctl, &(struct client_call){ .method = "CaRemove" });
}

const struct verb verb_ca_renew = {
	.name = "renew",
	.summary = "make a new issuing certificate and key",
	.help = "Usage: vtpmctl ca renew [--json]\n"
		"\n"
		"Certificates are signed with the new key from now on. Those of before stay\n"
		"valid; export --chain has all issuing certificates.\n"
		"\n"
		"Example:\n"
		"  vtpmctl ca renew && vtpmctl ca export --chain chain.pem\n",
	.run = run_renew,
};

const struct verb verb_ca_rekey = {
	.name = "rekey",
	.summary = "have the CA's key wrapped anew, or by another provider",
	.help = "Usage: vtpmctl ca rekey [--to PROVIDER] [--json]\n"
		"\n"
		"Certificates and private keys do not change.\n"
		"\n"
		"Example:\n"
		"  vtpmctl ca rekey --to hsm\n",
	.run = run_rekey,
};

const struct verb verb_ca_crl = {
	.name = "crl",
	.summary = "sign new lists of revoked certificates",
	.help = "Usage: vtpmctl ca crl [--days DAYS] [--json]\n"
		"\n"
		"Signs a list for every issuing certificate: crl-1.pem, crl-2.pem and so on in\n"
		"the directory of the CA, and crl.pem, that of the newest one. Publish them where\n"
		"--crl-url of init says, before the last ones are too old.\n"
		"\n"
		"  --days DAYS  for so long they are good; 30 otherwise\n"
		"\n"
		"Example:\n"
		"  vtpmctl ca crl && vtpmctl ca export --crl vtpm.crl\n",
	.run = run_crl,
};

const struct verb verb_ca_revoke = {
	.name = "revoke",
	.summary = "revoke the certificates of a vTPM",
	.help = "Usage: vtpmctl ca revoke NAME [--yes] [--json]\n"
		"       vtpmctl ca revoke --serial SERIAL [--yes] [--json]\n"
		"\n"
		"Revokes the certificates that the CA has issued to the vTPM NAME, or the one\n"
		"with that serial number, and signs new lists. The vTPM itself does not change.\n"
		"Deleting a vTPM revokes nothing: revoke first, or note the serial numbers.\n"
		"\n"
		"  --yes  do not ask\n"
		"\n"
		"Examples:\n"
		"  vtpmctl ca revoke web1\n"
		"  vtpmctl ca revoke --serial 5d0c9a3be7f84c27a66aa7ae2e1f03c4\n",
	.run = run_revoke,
};

const struct verb verb_ca_remove = {
	.name = "remove",
	.summary = "give the CA up, and its keys with it",
	.help = "Usage: vtpmctl ca remove [--yes] [--json]\n"
		"\n"
		"Removes the CA's keys from this host. Certificates that it has issued stay what\n"
		"they are. The next create that needs a CA makes a new one.\n"
		"\n"
		"  --yes  do not ask\n"
		"\n"
		"Example:\n"
		"  vtpmctl ca export --chain old-chain.pem && vtpmctl ca remove\n",
	.run = run_remove,
};
