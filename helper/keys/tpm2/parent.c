// SPDX-License-Identifier: GPL-2.0-or-later
/* The storage root key under which keys are sealed. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "keys/credential.h"
#include "keys/tpm2/tpm.h"

#define SRK_ATTRIBUTES                                              \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |           \
	 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_RESTRICTED | \
	 TPMA_OBJECT_DECRYPT)

/*
 * TCG TPM v2.0 Provisioning Guidance, 7.5.1: template L-2 of the EK profile
 * with other attributes and no policy. What makes it gives the same key again
 * for as long as the owner's seed is the same.
 */
static const TPM2B_PUBLIC srk_template = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = SRK_ATTRIBUTES | TPMA_OBJECT_USERWITHAUTH |
				    TPMA_OBJECT_NODA,
		.parameters.eccDetail = {
			.symmetric = {
				.algorithm = TPM2_ALG_AES,
				.keyBits.aes = 128,
				.mode.aes = TPM2_ALG_CFB,
			},
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
		.unique.ecc = { .x.size = 32, .y.size = 32 },
	},
};

static int set_owner_auth(struct tpm *t, struct error *err)
{
	_cleanup_(secret) struct secret *password = NULL;
	TPM2B_AUTH auth = { 0 };
	TSS2_RC rc;
	int r;

	if (!t->config->owner_auth_file)
		return 0;
	r = credential_read(t->config->owner_auth_file, 64, "owner's password",
			    &password, err);
	if (r)
		return r;
	auth.size = password->len;
	memcpy(auth.buffer, password->data, password->len);
	rc = Esys_TR_SetAuth(t->esys, ESYS_TR_RH_OWNER, &auth);
	OPENSSL_cleanse(&auth, sizeof(auth));
	return rc == TSS2_RC_SUCCESS
		       ? 0
		       : tpm_error(t, rc, "take the owner's password", err);
}

/* By an HMAC session, so that the owner's password does not go over the bus. */
static int make_primary(struct tpm *t, ESYS_TR *out, struct error *err)
{
	static const TPM2B_SENSITIVE_CREATE sensitive;
	static const TPML_PCR_SELECTION pcrs;
	static const TPM2B_DATA outside;
	ESYS_TR session = ESYS_TR_NONE;
	TSS2_RC rc;
	int r = set_owner_auth(t, err);

	if (r)
		return r;
	t->parent = ESYS_TR_NONE;
	r = tpm_start_session(t, TPM2_SE_HMAC, &session, err);
	if (r)
		return r;
	/* Nothing here is secret, and without a salt nothing can be. */
	rc = Esys_TRSess_SetAttributes(t->esys, session,
				       TPMA_SESSION_CONTINUESESSION, 0xff);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_CreatePrimary(t->esys, ESYS_TR_RH_OWNER, session,
					ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
					&srk_template, &outside, &pcrs, out,
					NULL, NULL, NULL, NULL);
	tpm_flush(t, &session);
	return rc == TSS2_RC_SUCCESS
		       ? 0
		       : tpm_error(t, rc, "make its storage root key", err);
}

/* 0 with ESYS_TR_NONE where there is none. */
static int find_persistent(struct tpm *t, ESYS_TR *out, struct error *err)
{
	ESYS_TR key = ESYS_TR_NONE;
	TPM2B_PUBLIC *public = NULL;
	TPMA_OBJECT attributes;
	TSS2_RC rc =
		Esys_TR_FromTPMPublic(t->esys, TPM_SRK_HANDLE, ESYS_TR_NONE,
				      ESYS_TR_NONE, ESYS_TR_NONE, &key);

	if (tpm_rc_base(rc) == TPM2_RC_HANDLE) {
		*out = ESYS_TR_NONE;
		return 0;
	}
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_ReadPublic(t->esys, key, ESYS_TR_NONE, ESYS_TR_NONE,
				     ESYS_TR_NONE, &public, NULL, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_error(t, rc, "read its storage root key", err);
	attributes = public->publicArea.objectAttributes;
	Esys_Free(public);
	/* One that came from outside is known outside. */
	if ((attributes & SRK_ATTRIBUTES) != SRK_ATTRIBUTES)
		return error_set(err, -EINVAL, VTPM_ERR_PROVIDER,
				 "the key at 0x%08x of the host's TPM is not "
				 "a storage key of its own; move it away with: "
				 "tpm2_evictcontrol",
				 TPM_SRK_HANDLE);
	*out = key;
	return 0;
}

/* Take @key over as the storage key. */
static int set_parent(struct tpm *t, ESYS_TR key, uint32_t handle,
		      struct error *err)
{
	TPM2B_NAME *name = NULL;
	TSS2_RC rc;

	t->parent = key;
	t->parent_handle = handle;
	rc = Esys_TR_GetName(t->esys, key, &name);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_error(t, rc, "name its storage root key", err);
	t->parent_name.len = name->size;
	memcpy(t->parent_name.data, name->name, name->size);
	Esys_Free(name);
	return 0;
}

static int use_template(struct tpm *t, struct error *err)
{
	ESYS_TR key = ESYS_TR_NONE;
	int r = make_primary(t, &key, err);

	return r ? r : set_parent(t, key, 0, err);
}

int tpm_use_parent(struct tpm *t, struct error *err)
{
	ESYS_TR key = ESYS_TR_NONE;
	int r = find_persistent(t, &key, err);

	if (r)
		return r;
	return key == ESYS_TR_NONE ? use_template(t, err)
				   : set_parent(t, key, TPM_SRK_HANDLE, err);
}

static bool is_parent_of(const struct tpm *t, const struct sealed_key *key)
{
	return t->parent_name.len == key->name.len &&
	       !memcmp(t->parent_name.data, key->name.data, key->name.len);
}

/*
 * By its name, which is a hash of its public part: a device on the bus cannot
 * put one of its own in its place. A key that was made persistent, or taken out
 * again, is the same one.
 */
int tpm_use_parent_of(struct tpm *t, const struct sealed_key *key,
		      struct error *err)
{
	int r = key->parent ? tpm_use_parent(t, err) : use_template(t, err);

	if (!r && !is_parent_of(t, key)) {
		if (!t->parent_handle)
			tpm_flush(t, &t->parent);
		r = key->parent ? use_template(t, err) : tpm_use_parent(t, err);
	}
	if (r || is_parent_of(t, key))
		return r;
	return error_set(
		err, -ENOKEY, VTPM_ERR_KEY_MISSING,
		"this TPM is not the one that the key is sealed to, or "
		"was cleared since; put the disk back into its host, "
		"or open the vTPMs with another provider that is "
		"attached to them, and then: vtpmctl rekey --to");
}
