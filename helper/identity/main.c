// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vtpm-identity: gives a new vTPM its endorsement keys. Runs for one vTPM, on
 * a connection that the manager opened; prints what it made as JSON.
 */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <tss2/tss2_rc.h>

#include "identity/ek.h"
#include "identity/tcti.h"
#include "util/secret.h"
#include "util/text.h"

static const char usage[] =
	"Usage: vtpm-identity --tcti-fd N\n"
	"\n"
	"Makes the endorsement keys of a new virtual TPM through descriptor N, a\n"
	"connection to its engine. Started by vtpmd.\n";

static int make_all(ESYS_CONTEXT *esys, json_t *keys, struct error *err)
{
	for (size_t i = 0; i < ek_template_count; i++) {
		const struct ek_template *t = &ek_templates[i];
		char hex[2 * sizeof(TPMU_NAME) + 1], handle[11];
		uint8_t name[sizeof(TPMU_NAME)];
		size_t len = 0;
		int r = ek_make(esys, t, name, &len, err);

		if (r < 0)
			return r;
		hex_format(name, len, hex);
		snprintf(handle, sizeof(handle), "0x%08x", t->handle);
		json_array_append_new(
			keys, json_pack("{s:s, s:s, s:s}", "template", t->name,
					"handle", handle, "name", hex));
	}
	return 0;
}

static int run(TSS2_TCTI_CONTEXT *tcti, json_t *keys, struct error *err)
{
	ESYS_CONTEXT *esys = NULL;
	TSS2_RC rc;
	int r;

	rc = Esys_Initialize(&esys, tcti, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return error_set(err, -1, VTPM_ERR_IDENTITY, "tpm2-tss: %s",
				 Tss2_RC_Decode(rc));
	r = make_all(esys, keys, err);
	/* Orderly, in case the vTPM is not started now. */
	if (!r) {
		rc = Esys_Shutdown(esys, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, TPM2_SU_CLEAR);
		if (rc != TSS2_RC_SUCCESS)
			r = error_set(err, -1, VTPM_ERR_IDENTITY,
				      "TPM2_Shutdown: %s", Tss2_RC_Decode(rc));
	}
	Esys_Finalize(&esys);
	return r;
}

static int parse_fd(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "tcti-fd", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	uint32_t fd = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			exit(0);
		} else if (c == 'V') {
			puts("vtpm-identity " VTPM_VERSION);
			exit(0);
		} else if (c != 't') {
			return -1;
		}
		if (number_parse(optarg, 3, INT_MAX, &fd))
			return -1;
	}
	return optind == argc && fd ? (int)fd : -1;
}

int main(int argc, char **argv)
{
	int fd = parse_fd(argc, argv), r;
	TSS2_TCTI_CONTEXT *tcti;
	struct error err = { 0 };
	json_t *keys, *out;

	if (fd < 0) {
		fputs(usage, stderr);
		return 2;
	}
	/* tpm2-tss logs on its own; we say in one line what went wrong. */
	setenv("TSS2_LOG", "all+NONE", 0);
	if (secret_init(NULL) < 0)
		return 1;
	tcti = tcti_engine_new(fd);
	keys = json_array();
	if (!tcti || !keys) {
		fputs("out of memory\n", stderr);
		return 1;
	}
	r = run(tcti, keys, &err);
	Tss2_Tcti_Finalize(tcti);
	free(tcti);
	if (r < 0) {
		fprintf(stderr, "%s\n", err.text);
		json_decref(keys);
		return 1;
	}
	out = json_pack("{s:o}", "keys", keys);
	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(out);
	return 0;
}
