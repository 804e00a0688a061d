// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "engine/testing/commands.h"

#define CC_NV_INCREMENT 0x134
#define CC_NV_DEFINE 0x12a
#define CC_NV_READ 0x14e
#define CC_START_SESSION 0x176
#define CC_GET_RANDOM 0x17b
#define CC_PCR_READ 0x17e
#define CC_PCR_EXTEND 0x182
#define ALG_SHA256 0x000b
#define RS_PW 0x40000009
#define RH_OWNER 0x40000001
#define RH_NULL 0x40000007
#define CONTINUE_SESSION 1

void command_put(struct command *c, const void *data, size_t len)
{
	memcpy(c->data + c->len, data, len);
	c->len += len;
}

void command_u16(struct command *c, uint16_t v)
{
	const uint8_t p[] = { v >> 8, v };

	command_put(c, p, sizeof(p));
}

void command_u32(struct command *c, uint32_t v)
{
	command_u16(c, v >> 16);
	command_u16(c, v);
}

void command_begin(struct command *c, bool sessions, uint16_t code)
{
	c->len = 0;
	command_u16(c, sessions ? 0x8002 : 0x8001);
	command_u32(c, 0);
	command_u32(c, code);
}

void command_end(struct command *c)
{
	const uint8_t len[] = { 0, 0, c->len >> 8, c->len };

	memcpy(c->data + 2, len, sizeof(len));
}

void command_password(struct command *c)
{
	command_u32(c, 9);
	command_u32(c, RS_PW);
	command_put(c, "\0\0\1\0\0", 5);
}

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

uint32_t response_code(const uint8_t *resp, uint32_t len)
{
	return len < 10 ? UINT32_MAX : u32(resp + 6);
}

void command_pcr_read(struct command *c, unsigned int pcr)
{
	uint8_t bitmap[3] = { 0 };

	bitmap[pcr / 8] = 1 << pcr % 8;
	command_begin(c, false, CC_PCR_READ);
	command_u32(c, 1);
	command_u16(c, ALG_SHA256);
	command_put(c, "\3", 1);
	command_put(c, bitmap, sizeof(bitmap));
	command_end(c);
}

/* What comes behind the authorisations of a PCR_Extend. */
static void put_digest(struct command *c, const uint8_t digest[TEST_DIGEST])
{
	command_u32(c, 1);
	command_u16(c, ALG_SHA256);
	command_put(c, digest, TEST_DIGEST);
}

void command_pcr_extend(struct command *c, unsigned int pcr,
			const uint8_t digest[TEST_DIGEST])
{
	command_begin(c, true, CC_PCR_EXTEND);
	command_u32(c, pcr);
	command_password(c);
	put_digest(c, digest);
	command_end(c);
}

void command_get_random(struct command *c, uint16_t bytes)
{
	command_begin(c, false, CC_GET_RANDOM);
	command_u16(c, bytes);
	command_end(c);
}

void command_nv_define_counter(struct command *c, uint32_t index)
{
	command_begin(c, true, CC_NV_DEFINE);
	command_u32(c, RH_OWNER);
	command_password(c);
	command_u16(c, 0); /* no password */
	command_u16(c, 14);
	command_u32(c, index);
	command_u16(c, ALG_SHA256);
	/* Authread, authwrite, counter, no_da. */
	command_u32(c, 0x02040014);
	command_u16(c, 0); /* no policy */
	command_u16(c, 8);
	command_end(c);
}

void command_nv_increment(struct command *c, uint32_t index)
{
	command_begin(c, true, CC_NV_INCREMENT);
	command_u32(c, index);
	command_u32(c, index);
	command_password(c);
	command_end(c);
}

void command_nv_read(struct command *c, uint32_t index, uint16_t size)
{
	command_begin(c, true, CC_NV_READ);
	command_u32(c, index);
	command_u32(c, index);
	command_password(c);
	command_u16(c, size);
	command_u16(c, 0);
	command_end(c);
}

static void sha256(const void *a, size_t a_len, const void *b, size_t b_len,
		   uint8_t out[TEST_DIGEST])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	EVP_DigestUpdate(ctx, a, a_len);
	EVP_DigestUpdate(ctx, b, b_len);
	EVP_DigestFinal_ex(ctx, out, NULL);
	EVP_MD_CTX_free(ctx);
}

void pcr_extend(uint8_t pcr[TEST_DIGEST], const uint8_t digest[TEST_DIGEST])
{
	sha256(pcr, TEST_DIGEST, digest, TEST_DIGEST, pcr);
}

void command_start_session(struct command *c, struct session *s)
{
	RAND_bytes(s->caller, sizeof(s->caller));
	command_begin(c, false, CC_START_SESSION);
	command_u32(c, RH_NULL); /* not salted */
	command_u32(c, RH_NULL); /* not bound */
	command_u16(c, TEST_DIGEST);
	command_put(c, s->caller, TEST_DIGEST);
	command_u16(c, 0);
	command_put(c, "\0", 1); /* TPM_SE_HMAC */
	command_u16(c, 0x10);	 /* no symmetric algorithm */
	command_u16(c, ALG_SHA256);
	command_end(c);
}

int session_started(struct session *s, const uint8_t *resp, uint32_t len)
{
	if (response_code(resp, len) || len != 16 + TEST_DIGEST)
		return -1;
	s->handle = u32(resp + 10);
	memcpy(s->tpm, resp + 16, TEST_DIGEST);
	return 0;
}

/* Part 1, 19.6: the key is the password, which is empty. */
static void hmac(const uint8_t hash[TEST_DIGEST], const uint8_t *newer,
		 const uint8_t *older, uint8_t out[TEST_DIGEST])
{
	uint8_t data[3 * TEST_DIGEST + 1];
	size_t len = TEST_DIGEST;

	memcpy(data, hash, TEST_DIGEST);
	memcpy(data + TEST_DIGEST, newer, TEST_DIGEST);
	memcpy(data + 2 * TEST_DIGEST, older, TEST_DIGEST);
	data[3 * TEST_DIGEST] = CONTINUE_SESSION;
	EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, "", 0, data, sizeof(data),
		  out, len, &len);
}

void command_session_extend(struct command *c, struct session *s,
			    unsigned int pcr, const uint8_t digest[TEST_DIGEST])
{
	struct command hashed = { .len = 0 };
	uint8_t hash[TEST_DIGEST], mac[TEST_DIGEST];

	/* Code, name of the PCR (its handle), parameters. */
	command_u32(&hashed, CC_PCR_EXTEND);
	command_u32(&hashed, pcr);
	put_digest(&hashed, digest);
	sha256(hashed.data, hashed.len, "", 0, hash);
	RAND_bytes(s->caller, sizeof(s->caller));
	hmac(hash, s->caller, s->tpm, mac);
	command_begin(c, true, CC_PCR_EXTEND);
	command_u32(c, pcr);
	command_u32(c, 4 + 2 + TEST_DIGEST + 1 + 2 + TEST_DIGEST);
	command_u32(c, s->handle);
	command_u16(c, TEST_DIGEST);
	command_put(c, s->caller, TEST_DIGEST);
	command_put(c, "\1", 1);
	command_u16(c, TEST_DIGEST);
	command_put(c, mac, TEST_DIGEST);
	put_digest(c, digest);
	command_end(c);
}

int session_used(struct session *s, const uint8_t *resp, uint32_t len,
		 uint16_t code)
{
	uint8_t hashed[8] = { 0 }, hash[TEST_DIGEST], mac[TEST_DIGEST];
	/* Header, size of no parameters, nonce, attributes, HMAC. */
	const uint32_t whole = 14 + 2 + TEST_DIGEST + 1 + 2 + TEST_DIGEST;

	if (response_code(resp, len) || len != whole)
		return -1;
	hashed[6] = code >> 8;
	hashed[7] = code;
	sha256(hashed, sizeof(hashed), "", 0, hash);
	memcpy(s->tpm, resp + 16, TEST_DIGEST);
	hmac(hash, s->tpm, s->caller, mac);
	return memcmp(mac, resp + whole - TEST_DIGEST, TEST_DIGEST) ? -1 : 0;
}
