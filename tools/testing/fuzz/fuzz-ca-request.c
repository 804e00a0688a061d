// SPDX-License-Identifier: GPL-2.0-or-later
/* The request of vtpm-ca, which holds what a TPM has said. */
#include <stdlib.h>
#include <string.h>

#include "ca/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing that an OpenSSL configuration would understand. */
static bool is_plain(const char *text)
{
	return text && *text && !strpbrk(text, "\n\\$#=[]\"'`");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	struct ca_request r;
	int e = ca_request_parse((const char *)data, size, &r, &err);

	if (e && (!err.code || !*err.text))
		abort();
	if (!e && r.operation == CA_OP_ISSUE &&
	    (!r.n_keys || !r.issuing.key_len || !is_plain(r.tpm.model) ||
	     !is_plain(r.tpm.version) || !is_plain(r.tpm.family)))
		abort();
	if (!e && r.aia && strpbrk(r.aia, ",;\n"))
		abort();
	for (size_t i = 0; !e && i < r.n_keys; i++) {
		if (r.keys[i].type < 0 || r.keys[i].type >= EK_TYPES ||
		    !r.keys[i].len || r.keys[i].len > EK_MAX_PUBLIC)
			abort();
	}
	ca_request_clear(&r);
	return 0;
}
