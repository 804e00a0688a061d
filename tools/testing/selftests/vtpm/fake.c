// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>

#include "fake.h"

#define CC_SELF_TEST 0x143
#define CC_STARTUP 0x144
#define CC_SHUTDOWN 0x145
#define CC_GET_CAPABILITY 0x17a

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
	return p + 4;
}

/* TPM2_GetCapability, as far as tpm2_auto_startup() goes. */
static uint8_t *capability(uint8_t *p, const uint8_t *cmd)
{
	uint32_t cap = be32(cmd + 10);

	*p++ = 0; /* no more data */
	p = put32(p, cap);
	p = put32(p, cap == 2 ? 2 : 1); /* entries */
	switch (cap) {
	case 2: /* commands that /dev/tpmrmN lets pass */
		p = put32(p, CC_GET_CAPABILITY);
		return put32(p, FAKE_CC_ECHO);
	case 5: /* PCRs: SHA-256, all 24 */
		memcpy(p, "\x00\x0b\x03\xff\xff\xff", 6);
		return p + 6;
	default: /* one property: 2 commands */
		p = put32(p, be32(cmd + 14));
		return put32(p, 2);
	}
}

uint8_t fake_echo(uint8_t byte, uint32_t at)
{
	return (byte ^ 0x5a) + at;
}

uint32_t fake_answer(const uint8_t *cmd, uint32_t len, uint8_t *r)
{
	uint8_t *p = r + 10;
	uint32_t i;

	memcpy(r, "\x80\x01", 2);
	put32(r + 6, 0);
	switch (len < 10 ? 0 : be32(cmd + 6)) {
	case CC_GET_CAPABILITY:
		if (len >= 22)
			p = capability(p, cmd);
		break;
	case FAKE_CC_ECHO:
		for (i = 10; i < len; i++)
			*p++ = fake_echo(cmd[i], i);
		break;
	}
	put32(r + 2, p - r);
	return p - r;
}

static uint32_t answer(struct fake *f, const struct nl_in *in, uint8_t *r)
{
	if (f->mode != FAKE_ERROR) {
		uint32_t len = fake_answer(in->payload, in->payload_len, r);

		if (f->last_ordinal == CC_GET_CAPABILITY &&
		    be32(in->payload + 10) == 5) {
			if (f->mode == FAKE_BIG_PCRS)
				r[21] = 255;
			if (f->mode == FAKE_MANY_PCRS)
				r[18] = 200;
		}
		return len;
	}
	memcpy(r, "\x80\x01", 2);
	put32(r + 2, 10);
	put32(r + 6, 0x101);
	return 10;
}

static void respond(struct fake *f, const struct nl_in *in, uint64_t seq,
		    const uint8_t *data, uint32_t len)
{
	struct nl_msg m;

	nl_begin(&f->nl, &m, VTPM_CMD_RESPONSE, 0);
	nl_put_u32(&m, VTPM_A_ID, in->id);
	nl_put(&m, VTPM_A_SEQ, &seq, sizeof(seq));
	nl_put(&m, VTPM_A_PAYLOAD, data, len);
	nl_send(&f->nl, &m);
}

/* The lie that comes before the right answer. */
static void misbehave(struct fake *f, const struct nl_in *in, uint8_t *r,
		      uint32_t len)
{
	switch (f->mode) {
	case FAKE_LATE:
		usleep(300000);
		break;
	case FAKE_TWICE:
		respond(f, in, in->seq, r, len);
		break;
	case FAKE_WRONG_SEQ:
		/* Told from the right answer, if one is taken. */
		put32(r + 6, 0x101);
		respond(f, in, in->seq + 1, r, len);
		respond(f, in, in->seq - 1, r, len);
		put32(r + 6, 0);
		break;
	case FAKE_TOO_SHORT:
		respond(f, in, in->seq, r, 9);
		respond(f, in, in->seq, r, 0);
		break;
	case FAKE_TOO_LONG:
		put32(r + 2, 5000);
		respond(f, in, in->seq, r, 5000);
		put32(r + 2, len);
		break;
	case FAKE_WRONG_SIZE:
		put32(r + 2, len + 1);
		respond(f, in, in->seq, r, len);
		put32(r + 2, len);
		break;
	case FAKE_WRONG_TAG:
		r[0] = 0x42;
		respond(f, in, in->seq, r, len);
		r[0] = 0x80;
		break;
	}
}

static int serve(struct fake *f, const struct nl_in *in)
{
	static __thread uint8_t r[8000];
	uint32_t len;

	f->commands++;
	f->last_seq = in->seq;
	f->last_ordinal = be32(in->payload + 6);
	if (f->last_ordinal == CC_SHUTDOWN)
		f->shutdowns++;
	if (f->mode == FAKE_SILENT)
		return 0;
	if (f->mode == FAKE_DIE) {
		nl_close(&f->nl);
		return 1;
	}
	len = answer(f, in, r);
	misbehave(f, in, r, len);
	respond(f, in, in->seq, r, len);
	return 0;
}

static void *fake_thread(void *arg)
{
	struct fake *f = arg;
	struct nl_in in;

	while (!f->stop) {
		int r = nl_recv(&f->nl, &in, 1000);

		if (r == -ETIMEDOUT)
			continue;
		if (r)
			break;
		if (in.cmd == -1 && in.error) {
			strcpy(f->last_refusal, in.text);
			f->refused++;
		} else if (in.cmd == VTPM_CMD_CANCEL) {
			f->cancels++;
		} else if (in.cmd == VTPM_CMD_COMMAND && serve(f, &in)) {
			break;
		}
	}
	return NULL;
}

int fake_start(struct fake *f, int mode)
{
	int r;

	memset(f, 0, sizeof(*f));
	r = nl_open(&f->nl);
	if (r)
		return r;
	f->mode = mode;
	return -pthread_create(&f->thread, NULL, fake_thread, f);
}

void fake_stop(struct fake *f)
{
	struct nl_msg m;

	f->stop = 1;
	/* The answer to anything at all wakes it up, if it is still there. */
	nl_begin(&f->nl, &m, VTPM_CMD_GET, 0);
	nl_send(&f->nl, &m);
	pthread_join(f->thread, NULL);
	nl_close(&f->nl);
}
