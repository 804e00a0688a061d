// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/varlink.h"
#include "vtpmctl/output.h"

static int write_into(const char *dir, const char *name, const char *type,
		      const char *suffix, const char *text)
{
	char path[4096];
	int status;

	if (snprintf(path, sizeof(path), "%s/%s-%s.%s", dir, name, type,
		     suffix) >= (int)sizeof(path)) {
		fprintf(stderr, "vtpmctl: %s: the path is too long\n", dir);
		return CTL_USAGE;
	}
	status = output_write(path, text, strlen(text));
	if (!status)
		puts(path);
	return status;
}

static int run_request(struct ctl *ctl, const struct verb *v, int argc,
		       char **argv)
{
	const char *name, *type = NULL, *dir = ".", *aia = NULL, *crl = NULL;
	const struct ctl_option options[] = {
		{ .name = "type", .value = &type },
		{ .name = "out", .value = &dir },
		{ .name = "aia-url", .value = &aia },
		{ .name = "crl-url", .value = &crl },
		{ 0 },
	};
	_cleanup_(json) json_t *reply = NULL;
	json_t *p;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, &name, 1, &status) < 0)
		return status;
	if (!type)
		return verb_usage(v);
	p = json_pack("{s:s, s:s, s:s*, s:s*}", "name", name, "type", type,
		      "aiaUrl", aia, "crlUrl", crl);
	status = client_call(ctl, &(struct client_call){ .method = "EkRequest",
							 .parameters = p,
							 .on_last = output_keep,
							 .arg = &reply });
	if (status || ctl->json)
		return status;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
		fprintf(stderr, "vtpmctl: %s: %s\n", dir, strerror(errno));
		return CTL_STORAGE;
	}
	status = write_into(dir, name, type, "pub.pem",
			    json_text(reply, "publicKey"));
	if (!status)
		status = write_into(dir, name, type, "cnf",
				    json_text(reply, "config"));
	return status ? status
		      : write_into(dir, name, type, "name",
				   json_text(reply, "tpmName"));
}

static void print_import(struct ctl *ctl, json_t *reply, void *arg)
{
	(void)ctl;
	printf("%s has the certificate for its key %s\n",
	       json_text(json_object_get(reply, "vtpm"), "name"),
	       (const char *)arg);
}

static int run_import(struct ctl *ctl, const struct verb *v, int argc,
		      char **argv)
{
	const char *args[2], *type = NULL, *chain = NULL;
	const struct ctl_option options[] = {
		{ .name = "type", .value = &type },
		{ .name = "chain", .value = &chain },
		{ 0 },
	};
	_cleanup_free_ char *cert = NULL, *chain_pem = NULL;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, args, 2, &status) < 0)
		return status;
	if (!type)
		return verb_usage(v);
	cert = input_pem(args[1]);
	chain_pem = chain ? input_pem(chain) : NULL;
	if (!cert || (chain && !chain_pem))
		return CTL_STORAGE;
	return client_call(
		ctl, &(struct client_call){
			     .method = "EkImport",
			     .parameters = json_pack("{s:s, s:s, s:s, s:s*}",
						     "name", args[0], "type",
						     type, "certificate", cert,
						     "chain", chain_pem),
			     .more = true,
			     .on_reply = print_import,
			     .arg = (void *)type });
}

const struct verb verb_ek_request = {
	.name = "request",
	.summary = "write what another CA needs to certify a key",
	.help = "Usage: vtpmctl ek request NAME --type rsa2048|p256|p384 [--out DIR]\n"
		"                          [--aia-url URL] [--crl-url URL] [--json]\n"
		"\n"
		"An endorsement key cannot sign a request of its own. Written instead are, to DIR\n"
		"or here:\n"
		"\n"
		"  NAME-TYPE.pub.pem  the public key\n"
		"  NAME-TYPE.cnf      an OpenSSL configuration; section \"ek\" has the extensions of\n"
		"                     the TCG EK Credential Profile\n"
		"  NAME-TYPE.name     the TPM's own Name of the key, as tpm2_readpublic shows it\n"
		"\n"
		"Example:\n"
		"  vtpmctl ek request web1 --type rsa2048 --out req\n"
		"  openssl x509 -new -force_pubkey req/web1-rsa2048.pub.pem -subj / -days 3650 \\\n"
		"      -extfile req/web1-rsa2048.cnf -extensions ek -CA ca.pem -CAkey ca.key \\\n"
		"      -sha384 -out web1.pem\n"
		"  vtpmctl ek import web1 --type rsa2048 web1.pem --chain ca.pem\n",
	.run = run_request,
};

const struct verb verb_ek_import = {
	.name = "import",
	.summary = "take a certificate that another CA has made",
	.help = "Usage: vtpmctl ek import NAME --type rsa2048|p256|p384 CERTIFICATE\n"
		"                         --chain FILE [--json]\n"
		"\n"
		"Writes CERTIFICATE (PEM or DER) to the TPM's NV, in place of the one that is\n"
		"there, and adds the chain. The vTPM has to be stopped. Taken is only what is for\n"
		"this key, valid now, by the TCG EK Credential Profile, and verifies.\n"
		"\n"
		"  --chain FILE  the certificates of the CA, PEM, up to and with its root\n"
		"\n"
		"Example:\n"
		"  vtpmctl ek import web1 --type rsa2048 web1.pem --chain ca-chain.pem\n",
	.run = run_import,
};
