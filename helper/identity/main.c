// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vtpm-identity: makes the endorsement keys of a vTPM and puts certificates
 * into it. Runs for one request, on a connection that the manager opened, and
 * knows nothing of X.509.
 */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tss2/tss2_rc.h>

#include "identity/request.h"
#include "identity/tcti.h"
#include "util/json.h"
#include "util/secret.h"
#include "util/text.h"

static const char usage[] =
	"Usage: vtpm-identity --tcti-fd N < REQUEST\n"
	"\n"
	"Makes the endorsement keys of a virtual TPM, or writes their certificates,\n"
	"through descriptor N, a connection to its engine. Started by vtpmd.\n";

static int run(TSS2_TCTI_CONTEXT *tcti, const json_t *request, json_t *reply,
	       struct error *err)
{
	ESYS_CONTEXT *esys = NULL;
	TSS2_RC rc;
	int r;

	rc = Esys_Initialize(&esys, tcti, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return error_set(err, -1, VTPM_ERR_IDENTITY, "tpm2-tss: %s",
				 Tss2_RC_Decode(rc));
	r = request_run(esys, request, reply, err);
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

static int serve(int fd)
{
	struct error err = { .code = VTPM_ERR_IDENTITY };
	_cleanup_(json) json_t *request = NULL, *reply = json_object();
	TSS2_TCTI_CONTEXT *tcti = tcti_engine_new(fd);
	int r = json_read_object(STDIN_FILENO, IDENTITY_MAX_REQUEST, &request);

	if (!tcti || !reply) {
		fputs("out of memory\n", stderr);
		return 1;
	}
	if (r)
		error_set(&err, r, VTPM_ERR_INVALID,
			  "the request cannot be read: %s", strerror(-r));
	else
		r = run(tcti, request, reply, &err);
	Tss2_Tcti_Finalize(tcti);
	free(tcti);
	if (r) {
		json_object_clear(reply);
		json_object_set_new(reply, "error",
				    json_pack("{s:s, s:s}", "code", err.code,
					      "message", err.text));
	}
	return json_write_line(STDOUT_FILENO, reply) ? 1 : 0;
}

int main(int argc, char **argv)
{
	int fd = parse_fd(argc, argv);

	if (fd < 0) {
		fputs(usage, stderr);
		return 2;
	}
	/* tpm2-tss logs on its own; we say in one line what went wrong. */
	setenv("TSS2_LOG", "all+NONE", 0);
	if (secret_init(NULL) < 0)
		return 1;
	return serve(fd);
}
