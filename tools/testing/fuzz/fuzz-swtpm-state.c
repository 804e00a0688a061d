// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A state file of swtpm. The first byte chooses the key; the length in the
 * header and the HMAC are made to fit, or the fuzzer would see nothing but
 * these. What decodes must encode to a file of the same state.
 */
#include <stdlib.h>
#include <string.h>

#include "swtpm/cipher.h"
#include "swtpm/key.h"
#include "swtpm/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fix(uint8_t *file, size_t len, const struct secret *key)
{
	struct swtpm_blob b;
	size_t at;

	for (int i = 0; i < 4 && len >= SWTPM_HEADER_LEN; i++)
		file[6 + i] = len >> (24 - 8 * i) & 255;
	if (!key || swtpm_blob_parse(file, len, &b, NULL) ||
	    b.hmac.len != SWTPM_HMAC_LEN || !b.encrypted.data)
		return;
	at = b.hmac.data - file;
	if (swtpm_hmac(key, b.encrypted, b.ivec, file + at))
		abort();
}

static void check(const uint8_t *file, size_t len, const struct secret *key)
{
	struct swtpm_bytes *state = NULL, *again = NULL, *back = NULL;
	struct error err = { 0 };
	size_t key_len;

	if (swtpm_state_decode(file, len, key, &state, &err)) {
		if (state || !err.code || !err.text[0])
			abort();
		return;
	}
	if (swtpm_state_key_len(file, len, &key_len, &err) ||
	    key_len != (key ? key->len : 0) || state->len > len)
		abort();
	if (swtpm_state_encode(state->data, state->len, key, &again, &err) ||
	    swtpm_state_decode(again->data, again->len, key, &back, &err) ||
	    back->len != state->len ||
	    memcmp(back->data, state->data, state->len))
		abort();
	swtpm_bytes_free(state);
	swtpm_bytes_free(again);
	swtpm_bytes_free(back);
}

/* The same bytes as a key file. */
static void check_key(const uint8_t *data, size_t size, uint8_t how)
{
	struct secret *file = secret_new(size < 128 ? size : 128), *key = NULL;
	struct error err = { 0 };
	bool passphrase = how & 2;
	size_t len = passphrase ? 16 : 0;

	memcpy(file->data, data, file->len);
	if (!swtpm_key(file, how & 3, len, &key, &err) && key->len != 16 &&
	    key->len != 32)
		abort();
	secret_free(key);
	secret_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t lens[] = { 0, 16, 32, 16 };
	struct secret *key = NULL;
	uint8_t *file;

	if (size < 2)
		return 0;
	if (lens[data[0] & 3]) {
		key = secret_new(lens[data[0] & 3]);
		memset(key->data, 0x5a, key->len);
	}
	/* On the heap, with no byte to spare, for the sanitizer to watch. */
	file = malloc(size - 1);
	memcpy(file, data + 1, size - 1);
	fix(file, size - 1, key);
	check(file, size - 1, key);
	if (data[0] < 4)
		check_key(data + 1, size - 1, data[0]);
	free(file);
	secret_free(key);
	return 0;
}
