/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of checkpoints for tests: states and entries by number, and images. */
#ifndef VTPM_NVRAM_TESTING_CHECKPOINT_H
#define VTPM_NVRAM_TESTING_CHECKPOINT_H

#include "nvram/checkpoint-file.h"
#include "nvram/mapped.h"

extern const uint8_t image_uuid[UUID_LEN];

struct image {
	size_t len;
	uint8_t *data; /* the caller frees it */
};

struct secret *image_key(uint8_t byte);
/* As state @number - 1, of @len bytes, but for @changed blocks at its begin. */
void image_state(unsigned int number, uint32_t len, unsigned int changed);
void image_write(unsigned int number);
/* For a group of tests: forget the states. */
int image_tear_down(void **state);
/* To the log, entry @i; what checkpoint_file_append() returns. */
int image_append(unsigned int i);

struct image image_take(int fd);
struct image image_copy(const struct image *m);
int image_put(const struct image *m);
struct mapped_page *image_page(const struct image *m);
/*
 * The number of the state in it, and 1000 for each entry of its log; or -1 with
 * the code in *err. And once more, since opening mends what a kill has left.
 */
int image_read(const struct image *m, uint8_t key_byte, struct error *err);

#endif
