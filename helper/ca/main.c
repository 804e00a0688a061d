// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vtpm-ca: the built-in CA, and the only program that takes certificates
 * apart. Runs for one request, holds no state, and talks to no TPM.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ca/authority.h"
#include "util/json.h"

#define KEY_FD 3
#define DATA_KEY_LEN 32

static const char usage[] =
	"Usage: vtpm-ca < REQUEST\n"
	"\n"
	"Makes and checks certificates of endorsement keys, by one JSON object on\n"
	"standard input; the key that private keys are sealed with is read from\n"
	"descriptor 3. Started by vtpmd.\n";

static const ca_operation_fn operations[CA_OP_COUNT] = {
	[CA_OP_NEW] = ca_new,		[CA_OP_RENEW] = ca_renew,
	[CA_OP_ISSUE] = ca_issue,	[CA_OP_CRL] = ca_crl,
	[CA_OP_CHECK] = ca_check,	[CA_OP_REQUEST] = ca_request_text,
	[CA_OP_DESCRIBE] = ca_describe,
};

static int run(json_t *reply, struct error *err)
{
	_cleanup_(json) json_t *json = NULL;
	_cleanup_(secret) struct secret *key = NULL;
	struct ca_request r = { 0 };
	int e = json_read_object(STDIN_FILENO, CA_MAX_REQUEST, &json);

	if (e)
		return error_set(err, e, VTPM_ERR_INVALID,
				 "the request cannot be read: %s",
				 strerror(-e));
	e = ca_request_take(json, &r, err);
	if (!e && ca_request_has_secret(&r)) {
		e = secret_read_fd(KEY_FD, DATA_KEY_LEN, &key);
		if (e || key->len != DATA_KEY_LEN)
			e = error_set(err, -EINVAL, VTPM_ERR_INVALID,
				      "descriptor %d has no key of %d bytes",
				      KEY_FD, DATA_KEY_LEN);
	}
	if (!e)
		e = operations[r.operation](&r, key, reply, err);
	ca_request_clear(&r);
	return e;
}

int main(int argc, char **argv)
{
	struct error err = { .code = VTPM_ERR_IDENTITY };
	json_t *reply;
	int r;

	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("vtpm-ca " VTPM_VERSION);
		return 0;
	}
	if (argc != 1) {
		bool help = argc == 2 && !strcmp(argv[1], "--help");

		fputs(usage, help ? stdout : stderr);
		return help ? 0 : 2;
	}
	r = secret_init(NULL);
	reply = json_object();
	if (r < 0 || !reply) {
		fputs("cannot protect memory, or there is none\n", stderr);
		return 1;
	}
	r = run(reply, &err);
	if (r) {
		json_object_clear(reply);
		json_object_set_new(reply, "error",
				    json_pack("{s:s, s:s}", "code", err.code,
					      "message", err.text));
	}
	r = json_write_line(STDOUT_FILENO, reply);
	json_decref(reply);
	return r ? 1 : 0;
}
