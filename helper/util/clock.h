/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_UTIL_CLOCK_H
#define VTPM_UTIL_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds. */
int64_t clock_ms(void);

#endif
