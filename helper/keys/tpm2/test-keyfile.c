// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "keys/tpm2/keyfile.h"
#include "util/secret.h"

static struct sealed_key key;
static uint8_t file[SEALED_MAX_FILE];
static int len;

static int make(void **state)
{
	(void)state;
	uuid_new(key.id);
	key.created = 1700000000123456;
	key.parent = 0x81000001;
	key.pcrs = (struct pcr_set){ TPM2_ALG_SHA256, 0x81 };
	key.values.len = 64;
	key.name.len = 34;
	key.public.len = 80;
	key.private.len = 190;
	random_bytes(key.values.data, 64);
	random_bytes(key.name.data, 34);
	random_bytes(key.public.data, 80);
	random_bytes(key.private.data, 190);
	len = sealed_encode(&key, file);
	return len > 0 ? 0 : -1;
}

static void round_trip(void **state)
{
	struct sealed_key back;

	(void)state;
	assert_int_equal(len, SEALED_HEAD_LEN + 34 + 64 + 80 + 190 + 32);
	assert_int_equal(sealed_decode(file, len, key.id, &back), 0);
	assert_memory_equal(&back, &key, sizeof(key));
}

static void damage(void **state)
{
	uint8_t other[UUID_LEN];
	struct sealed_key back;

	(void)state;
	uuid_new(other);
	assert_int_equal(sealed_decode(file, len, other, &back), -EBADMSG);
	for (int i = 0; i < len; i++) {
		assert_int_equal(sealed_decode(file, i, key.id, &back),
				 -EBADMSG);
		file[i] ^= 0x10;
		assert_int_equal(sealed_decode(file, len, key.id, &back),
				 -EBADMSG);
		file[i] ^= 0x10;
	}
	assert_int_equal(sealed_decode(file, len + 1, key.id, &back), -EBADMSG);
}

/* One defect each, under a sum that is right. */
static void defects(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} bad[] = {
		{ 0, 'X' },   /* magic */
		{ 16, 0 },    /* id */
		{ 35, 0x80 }, /* no persistent handle */
		{ 39, 1 },    /* PCR 24 */
		{ 36, 0 },    /* fewer PCRs than values */
		{ 40, 4 },    /* SHA-1 */
		{ 42, 0 },    /* no name */
		{ 42, 35 },   /* lengths that do not add up */
		{ 43, 255 },  { 44, 65 }, { 45, 255 }, { 46, 0 },
		{ 47, 255 },  { 48, 0 },  { 49, 255 }, { 50, 1 }, /* reserved */
	};
	uint8_t copy[SEALED_MAX_FILE];
	struct sealed_key back;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(copy, file, len);
		copy[bad[i].at] =
			bad[i].at == 16 ? (uint8_t)~copy[16] : bad[i].value;
		EVP_Digest(copy, len - 32, copy + len - 32, NULL, EVP_sha256(),
			   NULL);
		assert_int_equal(sealed_decode(copy, len, key.id, &back),
				 -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(damage),
		cmocka_unit_test(defects),
	};

	return cmocka_run_group_tests(tests, make, NULL);
}
