// SPDX-License-Identifier: GPL-2.0-or-later
/* What can be said of a file without its key; nothing is changed. */
#include <errno.h>
#include <string.h>

#include "nvram/check.h"
#include "nvram/internal.h"

static void check_slot(const struct nvram_slot *slot,
		       struct nvram_slot_report *out)
{
	struct nvram_sector sector;
	struct nvram_frame f;

	out->sectors = slot->len / NVRAM_SECTOR;
	for (uint32_t i = 0; i < out->sectors; i++) {
		if (!sector_read(slot->data + (size_t)i * NVRAM_SECTOR,
				 slot->seed, i, &sector))
			out->broken++;
		else if (!sector.generation)
			out->blank++;
	}
	out->record = !record_check(slot, &f);
	if (out->record)
		out->generation = f.generation;
}

int nvram_check(int fd, const char *file, struct nvram_report *out,
		struct error *err)
{
	struct nvram_report r = { 0 };
	struct nvram_pages p;
	int chosen, rc = headers_read(&nvram_system_ops, fd, file, &p, err);

	if (rc)
		return rc;
	for (int i = 0; i < 2; i++) {
		r.header[i].status = p.status[i];
		if (!p.status[i])
			r.header[i].generation = p.header[i].header_generation;
	}
	chosen = headers_choose(&p, file, &r.problem);
	if (chosen < 0) {
		*out = r;
		return 0;
	}
	r.readable = true;
	r.info = p.header[chosen].info;
	for (int i = 0; i < NVRAM_SLOTS; i++) {
		struct nvram_slot slot;

		rc = slot_load(&nvram_system_ops, fd, file, &p.header[chosen],
			       i, &slot, err);
		if (rc)
			return rc;
		check_slot(&slot, &r.slot[i]);
		free((void *)slot.data);
	}
	r.whole = !p.status[0] && !p.status[1] &&
		  r.header[0].generation == r.header[1].generation &&
		  !r.slot[0].broken && !r.slot[1].broken;
	*out = r;
	return 0;
}
