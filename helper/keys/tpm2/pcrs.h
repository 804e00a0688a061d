/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCRs of one bank, and the values that a key is bound to. No TPM here. */
#ifndef VTPM_KEYS_TPM2_PCRS_H
#define VTPM_KEYS_TPM2_PCRS_H

#include <stddef.h>
#include <stdint.h>

#include <tss2/tss2_tpm2_types.h>

#include "util/error.h"

#define PCR_COUNT 24
#define PCR_MAX_VALUES (PCR_COUNT * 64) /* bytes */
/* "sha512:" and each number with a comma. */
#define PCR_TEXT_LEN 80

struct pcr_set {
	uint16_t bank; /* TPM2_ALG_SHA*; 0 if there is no PCR */
	uint32_t mask; /* bit N: PCR N */
};

/* The values of a set, that of the lowest PCR first. */
struct pcr_values {
	size_t len; /* bytes */
	uint8_t data[PCR_MAX_VALUES];
};

/* "BANK:N,N,..." or "" for none; 0 or -EINVAL. */
int pcr_set_parse(const char *text, struct pcr_set *out);
void pcr_set_format(const struct pcr_set *set, char out[PCR_TEXT_LEN]);
/* Is it one that pcr_set_parse() makes? */
int pcr_set_check(const struct pcr_set *set);
/* Bytes of one value; 0 for a bank that is not known. */
size_t pcr_bank_size(uint16_t bank);
size_t pcr_values_len(const struct pcr_set *set);
/* The PCRs of @set whose values differ; both have all of them. */
struct pcr_set pcr_changed(const struct pcr_set *set,
			   const struct pcr_values *a,
			   const struct pcr_values *b);

#endif
