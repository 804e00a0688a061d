// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <tss2/tss2_rc.h>

#include "identity/nv.h"

/* 0x62072001, less "written", which is the TPM's to set. */
#define ATTRIBUTES                                                \
	(TPMA_NV_PPWRITE | TPMA_NV_WRITEDEFINE | TPMA_NV_PPREAD | \
	 TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA |   \
	 TPMA_NV_PLATFORMCREATE)
/* At least as much goes into one command with every TPM. */
#define CHUNK 512

static int nv_error(struct error *err, TPM2_HANDLE index, const char *what,
		    TSS2_RC rc)
{
	return error_set(err, -EIO, VTPM_ERR_IDENTITY,
			 "NV index 0x%08x: %s: %s", index, what,
			 Tss2_RC_Decode(rc));
}

/* ESYS_TR_NONE and 0 where there is no such index. */
static int find(ESYS_CONTEXT *esys, TPM2_HANDLE index, ESYS_TR *nv,
		struct error *err)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	bool there;
	TSS2_RC rc;

	*nv = ESYS_TR_NONE;
	rc = Esys_GetCapability(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				TPM2_CAP_HANDLES, index, 1, &more, &data);
	if (rc)
		return nv_error(err, index, "TPM2_GetCapability", rc);
	there = data->data.handles.count &&
		data->data.handles.handle[0] == index;
	Esys_Free(data);
	if (!there)
		return 0;
	rc = Esys_TR_FromTPMPublic(esys, index, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, nv);
	return rc ? nv_error(err, index, "TPM2_NV_ReadPublic", rc) : 0;
}

int nv_remove(ESYS_CONTEXT *esys, TPM2_HANDLE index, struct error *err)
{
	ESYS_TR nv;
	TSS2_RC rc;
	int r = find(esys, index, &nv, err);

	if (r || nv == ESYS_TR_NONE)
		return r;
	rc = Esys_NV_UndefineSpace(esys, ESYS_TR_RH_PLATFORM, nv,
				   ESYS_TR_PASSWORD, ESYS_TR_NONE,
				   ESYS_TR_NONE);
	return rc ? nv_error(err, index, "TPM2_NV_UndefineSpace", rc) : 0;
}

/* The first index from @at on; 0 if there is none. */
static int next_index(ESYS_CONTEXT *esys, TPM2_HANDLE at, TPM2_HANDLE *out,
		      struct error *err)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc = Esys_GetCapability(esys, ESYS_TR_NONE, ESYS_TR_NONE,
					ESYS_TR_NONE, TPM2_CAP_HANDLES, at, 1,
					&more, &data);

	if (rc)
		return nv_error(err, at, "TPM2_GetCapability", rc);
	*out = data->data.handles.count ? data->data.handles.handle[0] : 0;
	Esys_Free(data);
	return 0;
}

int nv_remove_range(ESYS_CONTEXT *esys, TPM2_HANDLE first, TPM2_HANDLE last,
		    struct error *err)
{
	TPM2_HANDLE at = first, index = 0;
	int r = 0;

	while (!r && at <= last) {
		r = next_index(esys, at, &index, err);
		if (r || !index || index > last)
			break;
		r = nv_remove(esys, index, err);
		at = index + 1;
	}
	return r;
}

static int define(ESYS_CONTEXT *esys, TPM2_HANDLE index, size_t len,
		  ESYS_TR *nv, struct error *err)
{
	const TPM2B_AUTH no_password = { 0 };
	const TPM2B_NV_PUBLIC public = {
		.nvPublic = {
			.nvIndex = index,
			.nameAlg = TPM2_ALG_SHA256,
			.attributes = ATTRIBUTES,
			.dataSize = len,
		},
	};
	TSS2_RC rc = Esys_NV_DefineSpace(
		esys, ESYS_TR_RH_PLATFORM, ESYS_TR_PASSWORD, ESYS_TR_NONE,
		ESYS_TR_NONE, &no_password, &public, nv);

	return rc ? nv_error(err, index, "TPM2_NV_DefineSpace", rc) : 0;
}

int nv_write(ESYS_CONTEXT *esys, TPM2_HANDLE index, const uint8_t *data,
	     size_t len, struct error *err)
{
	ESYS_TR nv = ESYS_TR_NONE;
	TSS2_RC rc = TSS2_RC_SUCCESS;
	int r;

	if (!len || len > EK_MAX_CERTIFICATE)
		return error_set(err, -EINVAL, VTPM_ERR_IDENTITY,
				 "%zu bytes do not fit into an NV index", len);
	r = nv_remove(esys, index, err);
	if (!r)
		r = define(esys, index, len, &nv, err);
	if (r)
		return r;
	for (size_t off = 0; !rc && off < len; off += CHUNK) {
		TPM2B_MAX_NV_BUFFER buf = { 0 };

		buf.size = len - off < CHUNK ? len - off : CHUNK;
		memcpy(buf.buffer, data + off, buf.size);
		rc = Esys_NV_Write(esys, ESYS_TR_RH_PLATFORM, nv,
				   ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
				   &buf, off);
	}
	Esys_TR_Close(esys, &nv);
	return rc ? nv_error(err, index, "TPM2_NV_Write", rc) : 0;
}

/* Its size and attributes; 0 if it cannot be read without a password. */
static size_t readable_size(ESYS_CONTEXT *esys, ESYS_TR nv, ESYS_TR *auth)
{
	TPM2B_NV_PUBLIC *public = NULL;
	TPM2B_NAME *name = NULL;
	TPMA_NV attributes;
	size_t size = 0;

	if (Esys_NV_ReadPublic(esys, nv, ESYS_TR_NONE, ESYS_TR_NONE,
			       ESYS_TR_NONE, &public, &name))
		return 0;
	attributes = public->nvPublic.attributes;
	/* A password that is not empty must not count as a failed try. */
	if ((attributes & TPMA_NV_PPREAD ||
	     (attributes & TPMA_NV_AUTHREAD && attributes & TPMA_NV_NO_DA)) &&
	    attributes & TPMA_NV_WRITTEN &&
	    public->nvPublic.dataSize <= EK_MAX_CERTIFICATE)
		size = public->nvPublic.dataSize;
	*auth = attributes & TPMA_NV_PPREAD ? ESYS_TR_RH_PLATFORM : nv;
	Esys_Free(public);
	Esys_Free(name);
	return size;
}

int nv_read(ESYS_CONTEXT *esys, TPM2_HANDLE index, uint8_t *data, size_t *len,
	    struct error *err)
{
	ESYS_TR nv, auth;
	size_t size, off = 0;
	int r = find(esys, index, &nv, err);

	*len = 0;
	if (r || nv == ESYS_TR_NONE)
		return r;
	size = readable_size(esys, nv, &auth);
	while (off < size) {
		size_t n = size - off < CHUNK ? size - off : CHUNK;
		TPM2B_MAX_NV_BUFFER *buf = NULL;

		/* Whoever gave it a password wants it for himself. */
		if (Esys_NV_Read(esys, auth, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				 ESYS_TR_NONE, n, off, &buf))
			break;
		n = buf->size < n ? buf->size : n;
		memcpy(data + off, buf->buffer, n);
		Esys_Free(buf);
		if (!n)
			break;
		off += n;
	}
	Esys_TR_Close(esys, &nv);
	*len = off == size ? size : 0;
	return 0;
}
