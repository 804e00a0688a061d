/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), against accidents only. */
#ifndef VTPM_UTIL_CRC32C_H
#define VTPM_UTIL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Start with @crc 0; the result goes on as the @crc of a next piece. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
/* The same on any processor, for the test of it. */
uint32_t crc32c_tables(uint32_t crc, const void *data, size_t len);

#endif
