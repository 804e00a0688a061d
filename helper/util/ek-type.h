/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The endorsement keys that a vTPM can have, by the TCG EK Credential Profile
 * for TPM 2.0: what vtpmd, vtpm-identity and vtpm-ca all have to agree on.
 */
#ifndef VTPM_UTIL_EK_TYPE_H
#define VTPM_UTIL_EK_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ek_type {
	const char *name;     /* of ours, in commands and files */
	const char *template; /* as the profile calls it */
	uint32_t handle;      /* of the persistent key */
	uint32_t nv_index;    /* of its certificate */
	const char *group;    /* of an ECC key as OpenSSL calls it; NULL: RSA */
	unsigned int bits;
	bool by_default; /* made where nothing else is asked for */
};

#define EK_TYPES 3
extern const struct ek_type ek_types[EK_TYPES];

/* The CA's chain, DER, one certificate after the other, from here on. */
#define EK_CHAIN_INDEX 0x01c00100
#define EK_CHAIN_INDICES 8
/* Bytes of one NV index, and so of one certificate. */
#define EK_MAX_CERTIFICATE 2048
#define EK_MAX_CHAIN (EK_CHAIN_INDICES * EK_MAX_CERTIFICATE)
/* Bytes of a SubjectPublicKeyInfo. */
#define EK_MAX_PUBLIC 1024

/* Its place in ek_types[], or -1. */
int ek_type_find(const char *name);

#endif
