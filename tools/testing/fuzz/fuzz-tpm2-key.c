// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A key file of the tpm2 provider. The sum at its end is put right first, or
 * nothing would get past it; what is read is written as it was.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "keys/tpm2/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t in[SEALED_MAX_FILE + 1], out[SEALED_MAX_FILE];
	uint8_t id[UUID_LEN] = { 0 };
	struct sealed_key key;
	int r;

	if (size > sizeof(in))
		return 0;
	memcpy(in, data, size);
	if (size >= 64) {
		memcpy(id, in + 16, sizeof(id));
		EVP_Digest(in, size - 32, in + size - 32, NULL, EVP_sha256(),
			   NULL);
	}
	r = sealed_decode(in, size, id, &key);
	if (!r &&
	    (sealed_encode(&key, out) != (int)size || memcmp(in, out, size)))
		abort();
	return 0;
}
