// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keys/tpm2/pcrs.h"
#include "util/text.h"

/* SHA-1 is no basis for a policy any more. */
static const struct {
	const char *name;
	uint16_t alg;
	size_t size;
} banks[] = {
	{ "sha256", TPM2_ALG_SHA256, 32 },
	{ "sha384", TPM2_ALG_SHA384, 48 },
	{ "sha512", TPM2_ALG_SHA512, 64 },
};
#define N_BANKS (sizeof(banks) / sizeof(banks[0]))

size_t pcr_bank_size(uint16_t bank)
{
	for (size_t i = 0; i < N_BANKS; i++) {
		if (banks[i].alg == bank)
			return banks[i].size;
	}
	return 0;
}

/* One number of the list, and what comes after it. */
static int take_pcr(const char **text, uint32_t *mask)
{
	size_t len = strcspn(*text, ",");
	char number[3];
	uint32_t n;

	if (len >= sizeof(number))
		return -EINVAL;
	memcpy(number, *text, len);
	number[len] = '\0';
	if (number_parse(number, 0, PCR_COUNT - 1, &n))
		return -EINVAL;
	*mask |= 1u << n;
	*text += len;
	return 0;
}

int pcr_set_parse(const char *text, struct pcr_set *out)
{
	struct pcr_set set = { 0 };
	size_t len = strcspn(text, ":");

	if (!*text) {
		*out = set;
		return 0;
	}
	for (size_t i = 0; i < N_BANKS; i++) {
		if (strlen(banks[i].name) == len &&
		    !strncmp(banks[i].name, text, len))
			set.bank = banks[i].alg;
	}
	if (!set.bank || text[len] != ':')
		return -EINVAL;
	text += len;
	do {
		text++;
		if (take_pcr(&text, &set.mask))
			return -EINVAL;
	} while (*text);
	*out = set;
	return 0;
}

void pcr_set_format(const struct pcr_set *set, char out[PCR_TEXT_LEN])
{
	const char *before = ":";
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < N_BANKS && set->mask; i++) {
		if (banks[i].alg == set->bank)
			n = snprintf(out, PCR_TEXT_LEN, "%s", banks[i].name);
	}
	for (unsigned int i = 0; n && i < PCR_COUNT; i++) {
		if (!(set->mask & 1u << i))
			continue;
		n += snprintf(out + n, PCR_TEXT_LEN - n, "%s%u", before, i);
		before = ",";
	}
}

int pcr_set_check(const struct pcr_set *set)
{
	if (set->mask >> PCR_COUNT)
		return -EINVAL;
	if (!set->mask)
		return set->bank ? -EINVAL : 0;
	return pcr_bank_size(set->bank) ? 0 : -EINVAL;
}

size_t pcr_values_len(const struct pcr_set *set)
{
	return __builtin_popcount(set->mask) * pcr_bank_size(set->bank);
}

struct pcr_set pcr_changed(const struct pcr_set *set,
			   const struct pcr_values *a,
			   const struct pcr_values *b)
{
	struct pcr_set changed = { .bank = set->bank };
	size_t size = pcr_bank_size(set->bank), at = 0;

	for (unsigned int i = 0; i < PCR_COUNT; i++) {
		if (!(set->mask & 1u << i))
			continue;
		if (memcmp(a->data + at, b->data + at, size))
			changed.mask |= 1u << i;
		at += size;
	}
	return changed;
}
