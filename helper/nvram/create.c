// SPDX-License-Identifier: GPL-2.0-or-later
/* New files, and what can be read of a file without its key. */
#include <errno.h>
#include <string.h>

#include "nvram/bytes.h"
#include "nvram/internal.h"

static void first_header(const struct nvram_info *info, struct nvram_header *h)
{
	*h = (struct nvram_header){
		.info = *info,
		.header_generation = 1,
		.cipher = NVRAM_CIPHER_AES256_GCM,
		.slot =
			{
				{NVRAM_SLOT_START, NVRAM_SLOT_DEFAULT},
				{NVRAM_SLOT_START + NVRAM_SLOT_DEFAULT,
				 NVRAM_SLOT_DEFAULT},
			},
	};
	h->info.version = all_zero(info->origin, UUID_LEN) ? NVRAM_VERSION_2
							   : NVRAM_VERSION;
	h->info.data_key = 1;
}

/* The whole file is written, so that a commit changes no block mapping. */
static int write_image(const struct nvram_ops *ops, int fd, const char *file,
		       const struct nvram_header *h,
		       const uint8_t page[NVRAM_PAGE], struct error *err)
{
	size_t len = NVRAM_SLOT_START + NVRAM_SLOTS * NVRAM_SLOT_DEFAULT;
	_cleanup_free_ uint8_t *image = malloc(len);
	int r;

	if (!image)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "%s: out of memory", file);
	memcpy(image, page, NVRAM_PAGE);
	memcpy(image + NVRAM_PAGE, page, NVRAM_PAGE);
	for (int i = 0; i < NVRAM_SLOTS; i++)
		slot_blank(image + h->slot[i].offset, h->slot[i].capacity,
			   sector_seed(h->info.uuid, i), 0);
	r = ops->write(fd, image, len, 0);
	if (!r)
		r = ops->sync(fd);
	return r ? storage_error(err, r, file, "new file") : 0;
}

int nvram_create_with(const struct nvram_ops *ops, int fd, const char *file,
		      const struct nvram_info *info, const struct secret *key,
		      struct error *err)
{
	_cleanup_(seal) struct seal *seal = NULL;
	uint8_t page[NVRAM_PAGE], salt[NVRAM_SALT_LEN];
	struct nvram_header h;
	int r;

	first_header(info, &h);
	ops->random(salt, sizeof(salt));
	r = seal_new(key, info->uuid, salt, &seal);
	if (!r)
		r = headers_seal(seal, &h, page);
	if (r == -EINVAL || r == -ENOSPC)
		return error_set(err, r, VTPM_ERR_INVALID,
				 "%s: a value for the header is too long or "
				 "not printable",
				 file);
	if (r)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 "%s: cannot make a header", file);
	return write_image(ops, fd, file, &h, page, err);
}

int nvram_create(int fd, const char *file, const struct nvram_info *info,
		 const struct secret *key, struct error *err)
{
	return nvram_create_with(&nvram_system_ops, fd, file, info, key, err);
}

const uint8_t *nvram_identity(const struct nvram_info *info)
{
	return all_zero(info->origin, UUID_LEN) ? info->uuid : info->origin;
}

int nvram_read_header(int fd, const char *file, struct nvram_info *info,
		      struct error *err)
{
	struct nvram_info out;
	struct nvram_pages p;
	int chosen, r;

	r = headers_read(&nvram_system_ops, fd, file, &p, err);
	if (r)
		return r;
	chosen = headers_choose(&p, file, err);
	if (chosen < 0)
		return chosen;
	out = p.header[chosen].info;
	out.generation = 0;
	for (int i = 0; i < NVRAM_SLOTS; i++) {
		struct nvram_slot slot;
		struct nvram_frame f;

		r = slot_load(&nvram_system_ops, fd, file, &p.header[chosen], i,
			      &slot, err);
		if (r)
			return r;
		if (!record_check(&slot, &f) && f.generation > out.generation)
			out.generation = f.generation;
		free((void *)slot.data);
	}
	*info = out;
	return 0;
}
