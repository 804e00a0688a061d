// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/testing/owner.h"

#define COUNTER 0x01800100
#define PCR 16
#define SESSION_PCR 10

#define WRONG(o, ...) \
	(snprintf((o)->wrong, sizeof((o)->wrong), __VA_ARGS__), -1)

/* The length of a response that says success, or -1. */
static int run(struct owner *o, const struct command *c, const char *name,
	       uint8_t resp[OWNER_RESPONSE])
{
	int n;

	o->commands++;
	n = o->transact(o, c, resp);
	if (n < 0)
		return WRONG(o, "%s is not answered", name);
	if (response_code(resp, n))
		return WRONG(o, "%s is answered 0x%x", name,
			     response_code(resp, n));
	return n;
}

/* Another one each time. */
static void next_digest(const struct owner *o, uint8_t digest[TEST_DIGEST])
{
	memset(digest, 0, TEST_DIGEST);
	memcpy(digest, &o->commands, sizeof(o->commands));
}

static int extend(struct owner *o)
{
	uint8_t digest[TEST_DIGEST], resp[OWNER_RESPONSE];
	struct command c;

	next_digest(o, digest);
	command_pcr_extend(&c, PCR, digest);
	if (run(o, &c, "PCR_Extend", resp) < 0)
		return -1;
	pcr_extend(o->pcr, digest);
	return 0;
}

static int extend_in_session(struct owner *o)
{
	uint8_t digest[TEST_DIGEST], resp[OWNER_RESPONSE];
	struct command c;
	int n;

	next_digest(o, digest);
	command_session_extend(&c, &o->session, SESSION_PCR, digest);
	n = run(o, &c, "PCR_Extend in a session", resp);
	if (n < 0)
		return -1;
	if (session_used(&o->session, resp, n, 0x182))
		return WRONG(o, "the TPM's HMAC is wrong");
	pcr_extend(o->session_pcr, digest);
	return 0;
}

static int increment(struct owner *o)
{
	uint8_t resp[OWNER_RESPONSE];
	struct command c;

	command_nv_increment(&c, COUNTER);
	if (run(o, &c, "NV_Increment", resp) < 0)
		return -1;
	o->counter++;
	return 0;
}

static int get_random(struct owner *o)
{
	uint8_t resp[OWNER_RESPONSE];
	struct command c;

	command_get_random(&c, TEST_DIGEST);
	if (run(o, &c, "GetRandom", resp) < 0)
		return -1;
	for (unsigned int i = 0; i < o->n_random; i++) {
		if (!memcmp(o->random[i], resp + 12, TEST_DIGEST))
			return WRONG(o, "a random number came twice");
	}
	if (o->n_random < OWNER_RANDOM)
		memcpy(o->random[o->n_random++], resp + 12, TEST_DIGEST);
	return 0;
}

static int expect_pcr(struct owner *o, unsigned int pcr,
		      const uint8_t value[TEST_DIGEST])
{
	uint8_t resp[OWNER_RESPONSE];
	struct command c;
	int n;

	command_pcr_read(&c, pcr);
	n = run(o, &c, "PCR_Read", resp);
	if (n < 0)
		return -1;
	if (memcmp(resp + n - TEST_DIGEST, value, TEST_DIGEST))
		return WRONG(o, "PCR %u is not what was extended", pcr);
	return 0;
}

static int read_counter(struct owner *o, uint64_t *out)
{
	uint8_t resp[OWNER_RESPONSE];
	struct command c;
	int n;

	command_nv_read(&c, COUNTER, 8);
	n = run(o, &c, "NV_Read", resp);
	if (n < 24)
		return -1;
	*out = 0;
	for (int i = 0; i < 8; i++)
		*out = *out << 8 | resp[16 + i];
	return 0;
}

int owner_verify_counter(struct owner *o)
{
	uint64_t v;

	if (read_counter(o, &v))
		return -1;
	if (v != o->counter)
		return WRONG(o, "the counter is %" PRIu64 ", not %" PRIu64, v,
			     o->counter);
	return 0;
}

int owner_begin(struct owner *o)
{
	uint8_t resp[OWNER_RESPONSE];
	struct command c;
	int n;

	command_nv_define_counter(&c, COUNTER);
	if (run(o, &c, "NV_DefineSpace", resp) < 0 || increment(o) ||
	    /* It begins above those that were there before. */
	    read_counter(o, &o->counter))
		return -1;
	command_start_session(&c, &o->session);
	n = run(o, &c, "StartAuthSession", resp);
	if (n < 0 || session_started(&o->session, resp, n))
		return -1;
	return 0;
}

int owner_step(struct owner *o)
{
	switch (rand_r(&o->seed) % 6) {
	case 0:
		return increment(o);
	case 1:
		return get_random(o);
	case 2:
		return expect_pcr(o, PCR, o->pcr);
	case 3:
		return extend_in_session(o);
	default:
		return extend(o);
	}
}

int owner_verify(struct owner *o)
{
	if (expect_pcr(o, PCR, o->pcr) ||
	    expect_pcr(o, SESSION_PCR, o->session_pcr) ||
	    owner_verify_counter(o))
		return -1;
	return extend_in_session(o);
}
