// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "util/ek-type.h"

const struct ek_type ek_types[EK_TYPES] = {
	{ "rsa2048", "L-1", 0x81010001, 0x01c00002, NULL, 2048, true },
	{ "p256", "L-2", 0x8101000a, 0x01c0000a, "P-256", 256, true },
	{ "p384", "H-3", 0x81010016, 0x01c00016, "P-384", 384, false },
};

int ek_type_find(const char *name)
{
	for (int i = 0; name && i < EK_TYPES; i++) {
		if (!strcmp(ek_types[i].name, name))
			return i;
	}
	return -1;
}
