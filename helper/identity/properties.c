// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <tss2/tss2_rc.h>

#include "identity/properties.h"

/* All of PT_FIXED up to the firmware version. */
#define FIRST TPM2_PT_FAMILY_INDICATOR
#define COUNT (TPM2_PT_FIRMWARE_VERSION_2 - FIRST + 1)

static int get(ESYS_CONTEXT *esys, uint32_t values[COUNT], struct error *err)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc = Esys_GetCapability(esys, ESYS_TR_NONE, ESYS_TR_NONE,
					ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES,
					FIRST, COUNT, &more, &data);
	const TPML_TAGGED_TPM_PROPERTY *p;

	if (rc)
		return error_set(err, -EIO, VTPM_ERR_IDENTITY,
				 "TPM2_GetCapability: %s", Tss2_RC_Decode(rc));
	p = &data->data.tpmProperties;
	for (uint32_t i = 0; i < p->count && i < TPM2_MAX_TPM_PROPERTIES; i++) {
		uint32_t at = p->tpmProperty[i].property - FIRST;

		if (at < COUNT)
			values[at] = p->tpmProperty[i].value;
	}
	Esys_Free(data);
	return 0;
}

/* Four characters a value; what is not plain text becomes "_". */
static void add_text(uint32_t value, char *out)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		char c = (char)(value >> shift);

		if (!c)
			break;
		*out++ = isalnum((unsigned char)c) || strchr(" .:_-", c) ? c
									 : '_';
	}
}

static void trim(char *text)
{
	size_t n = strlen(text);

	while (n && text[n - 1] == ' ')
		text[--n] = '\0';
}

int properties_read(ESYS_CONTEXT *esys, json_t **out, struct error *err)
{
	uint32_t v[COUNT] = { 0 };
	char manufacturer[16], model[17] = "", version[16], family[5] = "";
	int r = get(esys, v, err);

	if (r)
		return r;
	snprintf(manufacturer, sizeof(manufacturer), "id:%08X",
		 v[TPM2_PT_MANUFACTURER - FIRST]);
	for (uint32_t i = 0; i < 4; i++)
		add_text(v[TPM2_PT_VENDOR_STRING_1 - FIRST + i],
			 model + strlen(model));
	snprintf(version, sizeof(version), "id:%08X",
		 v[TPM2_PT_FIRMWARE_VERSION_1 - FIRST]);
	add_text(v[0], family);
	trim(model);
	*out = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "manufacturer",
			 manufacturer, "model", *model ? model : "TPM",
			 "version", version, "family", family, "level",
			 (json_int_t)v[TPM2_PT_LEVEL - FIRST], "revision",
			 (json_int_t)v[TPM2_PT_REVISION - FIRST]);
	return *out ? 0
		    : error_set(err, -ENOMEM, VTPM_ERR_IDENTITY,
				"out of memory");
}
