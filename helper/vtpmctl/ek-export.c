// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"
#include "util/varlink.h"
#include "vtpmctl/output.h"

static const json_t *find_key(const json_t *reply, const char *type)
{
	const json_t *keys =
		json_object_get(json_object_get(reply, "identity"), "keys");
	json_t *key;
	size_t i;

	json_array_foreach((json_t *)keys, i, key) {
		if (!strcmp(json_text(key, "type"), type))
			return key;
	}
	return NULL;
}

static int write_key(const json_t *key, bool public, bool der, const char *file)
{
	const char *member = public ? "public" : "certificate";
	const char *base64 = json_text(key, member);
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_free_ char *pem = NULL;
	size_t len;

	if (!*base64) {
		fprintf(stderr,
			"vtpmctl: this endorsement key has no certificate; another CA can make one with what is written by: vtpmctl ek request\n");
		return CTL_NOT_FOUND;
	}
	if (der && !base64_decode(base64, &data, &len))
		return output_write(file, data, len);
	pem = pem_of_base64(public ? "PUBLIC KEY" : "CERTIFICATE", base64);
	return pem ? output_write(file, pem, strlen(pem)) : CTL_FAILED;
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *args[2] = { 0 }, *type = NULL;
	bool der = false, public = false;
	const struct ctl_option options[] = {
		{ .name = "type", .value = &type },
		{ .name = "der", .flag = &der },
		{ .name = "public", .flag = &public },
		{ 0 },
	};
	_cleanup_(json) json_t *reply = NULL;
	const json_t *key;
	int status;

	if (ctl_parse_optional(ctl, v, argc, argv, options, args, 1, 2,
			       &status) < 0)
		return status;
	if (!type)
		return verb_usage(v);
	status = client_call(
		ctl, &(struct client_call){
			     .method = "EkShow",
			     .parameters = json_pack("{s:s}", "name", args[0]),
			     .on_last = output_keep,
			     .arg = &reply });
	if (status || (ctl->json && !args[1]))
		return status;
	key = find_key(reply, type);
	if (key)
		return write_key(key, public, der, args[1]);
	fprintf(stderr,
		"vtpmctl: %s has no endorsement key of type %s; see: vtpmctl ek show %s\n",
		args[0], type, args[0]);
	return CTL_NOT_FOUND;
}

const struct verb verb_ek_export = {
	.name = "export",
	.summary = "write the certificate of an endorsement key",
	.help = "Usage: vtpmctl ek export NAME --type rsa2048|p256|p384 [--der] [--public]\n"
		"                         [FILE] [--json]\n"
		"\n"
		"Writes the certificate as PEM to FILE or standard output.\n"
		"\n"
		"  --der     as DER\n"
		"  --public  the public key (SubjectPublicKeyInfo) instead\n"
		"\n"
		"Examples:\n"
		"  vtpmctl ek export web1 --type rsa2048 ek.pem\n"
		"  vtpmctl ek export web1 --type p256 --der ek.der\n",
	.run = run,
};
