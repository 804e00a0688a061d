// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A header page; the checksum is made to fit, or the fuzzer would see nothing
 * but it. What decodes must encode to the same page.
 */
#include <stdlib.h>
#include <string.h>

#include "nvram/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t page[NVRAM_PAGE] = { 0 }, again[NVRAM_PAGE];
	struct nvram_header h;

	memcpy(page, data, size < sizeof(page) ? size : sizeof(page));
	header_decode(page, &h);
	memcpy(again, page + NVRAM_HEADER_MACED, NVRAM_MAC_LEN);
	header_finish(page, again);
	if (header_decode(page, &h))
		return 0;
	if (header_encode(&h, again))
		abort();
	header_finish(again, h.mac);
	if (memcmp(page, again, sizeof(page)))
		abort();
	return 0;
}
