/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A helper that answers what the TPM core asks when it probes, and
 * misbehaves on command. It is no TPM: a command it does not know succeeds
 * with an empty response.
 */
#ifndef VTPM_SELFTEST_FAKE_H
#define VTPM_SELFTEST_FAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include "nl.h"

enum fake_mode {
	FAKE_ANSWER,	 /* as it should */
	FAKE_SILENT,	 /* reads and never answers */
	FAKE_TWICE,	 /* the same answer twice */
	FAKE_WRONG_SEQ,	 /* a wrong number first, then the right one */
	FAKE_TOO_SHORT,	 /* 9 bytes first, then right */
	FAKE_TOO_LONG,	 /* 5000 bytes first, then right */
	FAKE_WRONG_SIZE, /* header says another size, then right */
	FAKE_WRONG_TAG,
	FAKE_DIE,	/* closes its socket instead of answering */
	FAKE_ERROR,	/* TPM_RC_FAILURE to everything */
	FAKE_LATE,	/* after 300 ms */
	FAKE_BIG_PCRS,	/* claims bitmaps of 255 bytes for its PCRs */
	FAKE_MANY_PCRS, /* and more banks than there are in the answer */
};

struct fake {
	struct nl nl;
	pthread_t thread;
	atomic_int mode;
	atomic_int stop;
	/* What was seen. */
	atomic_uint commands;
	atomic_uint refused; /* answers that the kernel refused */
	atomic_uint cancels;
	atomic_ullong last_seq;
	atomic_uint last_ordinal;
	atomic_uint shutdowns;
	char last_refusal[256];
};

/*
 * A command of the test's own: each byte of the answer is made from one of the
 * command, so that a client knows an answer that is not its own.
 */
#define FAKE_CC_ECHO 0xe00
uint8_t fake_echo(uint8_t byte, uint32_t at);
/* The answer to any command, at most as long as that or 64 bytes; its length. */
uint32_t fake_answer(const uint8_t *cmd, uint32_t len, uint8_t *r);

/* A socket and a thread that serves it; 0 or negative errno. */
int fake_start(struct fake *f, int mode);
void fake_stop(struct fake *f);

#endif
