// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>

#include <openssl/rand.h>

#include "util/secret.h"
#include "util/text.h"

void random_bytes(void *buf, size_t len)
{
	/* Nothing good can be done with a key that is not random. */
	if (RAND_priv_bytes(buf, len) != 1) {
		fputs("vtpm: the random generator failed\n", stderr);
		abort();
	}
}

void uuid_new(uint8_t uuid[UUID_LEN])
{
	random_bytes(uuid, UUID_LEN);
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}
