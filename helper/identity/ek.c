// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include <tss2/tss2_rc.h>

#include "identity/ek.h"

/* 0x000300B2: annex B.3 of the profile, "user with auth" not set. */
#define EK_LOW_ATTRIBUTES                                                \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |                \
	 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY | \
	 TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

/* PolicyA: TPM2_PolicySecret(TPM_RH_ENDORSEMENT), SHA-256. */
#define EK_POLICY_A                                                           \
	{                                                                     \
		.size = 32,                                                   \
		.buffer = { 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8,   \
			    0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,   \
			    0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64,   \
			    0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa }, \
	}

/* PolicyB: PolicyOR of that and of TPM2_PolicyAuthorizeNV, SHA-384. */
#define EK_POLICY_B_SHA384                                                    \
	{                                                                     \
		.size = 48,                                                   \
		.buffer = { 0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc,   \
			    0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd, 0x3a, 0x1a,   \
			    0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4,   \
			    0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca,   \
			    0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15,   \
			    0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12 }, \
	}

#define EK_SYMMETRIC                                           \
	{                                                      \
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, \
		.mode.aes = TPM2_ALG_CFB,                      \
	}

/* Template L-1: unique is 256 zero bytes. */
static const TPM2B_PUBLIC template_rsa_2048 = {
	.publicArea = {
		.type = TPM2_ALG_RSA,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = EK_LOW_ATTRIBUTES,
		.authPolicy = EK_POLICY_A,
		.parameters.rsaDetail = {
			.symmetric = EK_SYMMETRIC,
			.scheme.scheme = TPM2_ALG_NULL,
			.keyBits = 2048,
			.exponent = 0,
		},
		.unique.rsa.size = 256,
	},
};

/* Template L-2: unique is two coordinates of 32 zero bytes. */
static const TPM2B_PUBLIC template_ecc_p256 = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = EK_LOW_ATTRIBUTES,
		.authPolicy = EK_POLICY_A,
		.parameters.eccDetail = {
			.symmetric = EK_SYMMETRIC,
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
		.unique.ecc = { .x.size = 32, .y.size = 32 },
	},
};

/* Template H-3: unique is empty. */
static const TPM2B_PUBLIC template_ecc_p384 = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA384,
		.objectAttributes = EK_LOW_ATTRIBUTES |
				    TPMA_OBJECT_USERWITHAUTH,
		.authPolicy = EK_POLICY_B_SHA384,
		.parameters.eccDetail = {
			.symmetric = {
				.algorithm = TPM2_ALG_AES,
				.keyBits.aes = 256,
				.mode.aes = TPM2_ALG_CFB,
			},
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P384,
			.kdf.scheme = TPM2_ALG_NULL,
		},
	},
};

/* In the order of ek_types[]. */
static const TPM2B_PUBLIC *const templates[EK_TYPES] = {
	&template_rsa_2048,
	&template_ecc_p256,
	&template_ecc_p384,
};

static int tss_error(struct error *err, int type, const char *what, TSS2_RC rc)
{
	return error_set(err, -EIO, VTPM_ERR_IDENTITY,
			 "endorsement key %s: %s: %s", ek_types[type].name,
			 what, Tss2_RC_Decode(rc));
}

static int create(ESYS_CONTEXT *esys, int type, ESYS_TR *key, struct error *err)
{
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPML_PCR_SELECTION pcrs = { 0 };
	const TPM2B_DATA outside = { 0 };
	TSS2_RC rc = Esys_CreatePrimary(
		esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE,
		ESYS_TR_NONE, &sensitive, templates[type], &outside, &pcrs, key,
		NULL, NULL, NULL, NULL);

	return rc ? tss_error(err, type, "TPM2_CreatePrimary", rc) : 0;
}

static int read_public(ESYS_CONTEXT *esys, int type, ESYS_TR key,
		       struct ek_public *out, struct error *err)
{
	TPM2B_PUBLIC *public = NULL;
	TPM2B_NAME *name = NULL;
	TSS2_RC rc = Esys_ReadPublic(esys, key, ESYS_TR_NONE, ESYS_TR_NONE,
				     ESYS_TR_NONE, &public, &name, NULL);

	if (rc)
		return tss_error(err, type, "TPM2_ReadPublic", rc);
	out->public = *public;
	out->name = *name;
	Esys_Free(public);
	Esys_Free(name);
	return 0;
}

/* TPM_RC_BAD_AUTH, and for which session it is. */
static bool is_bad_auth(TSS2_RC rc)
{
	return (rc & ~(TPM2_RC_N_MASK | TPM2_RC_P)) == TPM2_RC_BAD_AUTH;
}

int ek_make(ESYS_CONTEXT *esys, int type, struct ek_public *out,
	    struct error *err)
{
	ESYS_TR key = ESYS_TR_NONE, kept = ESYS_TR_NONE;
	TSS2_RC rc;
	int r = create(esys, type, &key, err);

	if (r)
		return r;
	rc = Esys_EvictControl(esys, ESYS_TR_RH_OWNER, key, ESYS_TR_PASSWORD,
			       ESYS_TR_NONE, ESYS_TR_NONE,
			       ek_types[type].handle, &kept);
	if (is_bad_auth(rc))
		kept = key;
	else if (rc)
		r = tss_error(err, type, "TPM2_EvictControl", rc);
	if (!r)
		r = read_public(esys, type, kept, out, err);
	if (kept != key)
		Esys_TR_Close(esys, &kept);
	rc = Esys_FlushContext(esys, key);
	if (rc && !r)
		r = tss_error(err, type, "TPM2_FlushContext", rc);
	return r;
}

int ek_read(ESYS_CONTEXT *esys, int type, struct ek_public *out,
	    struct error *err)
{
	ESYS_TR key = ESYS_TR_NONE;
	TSS2_RC rc =
		Esys_TR_FromTPMPublic(esys, ek_types[type].handle, ESYS_TR_NONE,
				      ESYS_TR_NONE, ESYS_TR_NONE, &key);
	int r;

	if (!rc) {
		r = read_public(esys, type, key, out, err);
		Esys_TR_Close(esys, &key);
		return r;
	}
	/* Whoever owns the TPM may have evicted it: the seed is still there. */
	r = create(esys, type, &key, err);
	if (r)
		return error_prefix(err, "not at its handle 0x%08x",
				    ek_types[type].handle);
	r = read_public(esys, type, key, out, err);
	Esys_FlushContext(esys, key);
	return r;
}

int ek_change_seed(ESYS_CONTEXT *esys, struct error *err)
{
	TSS2_RC rc = Esys_ChangeEPS(esys, ESYS_TR_RH_PLATFORM, ESYS_TR_PASSWORD,
				    ESYS_TR_NONE, ESYS_TR_NONE);

	return rc ? error_set(err, -EIO, VTPM_ERR_IDENTITY,
			      "TPM2_ChangeEPS: %s", Tss2_RC_Decode(rc))
		  : 0;
}

/*
 * The algorithm and its size, by which a certificate and a verifier see it, and
 * that the TPM has made it. Other makers of TPMs choose other attributes.
 */
static bool is_of_type(const TPMT_PUBLIC *public, int type)
{
	const TPMT_PUBLIC *ours = &templates[type]->publicArea;
	const TPMA_OBJECT made_here = TPMA_OBJECT_FIXEDTPM |
				      TPMA_OBJECT_FIXEDPARENT |
				      TPMA_OBJECT_SENSITIVEDATAORIGIN;

	if (public->type != ours->type ||
	    (public->objectAttributes & made_here) != made_here)
		return false;
	if (public->type == TPM2_ALG_RSA)
		return public->parameters.rsaDetail.keyBits ==
		       ours->parameters.rsaDetail.keyBits;
	return public->parameters.eccDetail.curveID ==
	       ours->parameters.eccDetail.curveID;
}

int ek_find(ESYS_CONTEXT *esys, int type, struct ek_public *out, bool *there,
	    struct error *err)
{
	ESYS_TR key = ESYS_TR_NONE;
	int r;

	*there = false;
	if (Esys_TR_FromTPMPublic(esys, ek_types[type].handle, ESYS_TR_NONE,
				  ESYS_TR_NONE, ESYS_TR_NONE, &key))
		return 0;
	r = read_public(esys, type, key, out, err);
	Esys_TR_Close(esys, &key);
	*there = !r && is_of_type(&out->public.publicArea, type);
	return r;
}
