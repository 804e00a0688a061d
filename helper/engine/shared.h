/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libtpms keeps the NV memory of its TPM in a static array and fills that when
 * a TPM starts: 180 KiB a process, nearly all of it what the zygote has there,
 * too. Pages that have become the same again are exchanged for the zygote's.
 * Nothing compares them later, so that a page that is shared, or no more, tells
 * nobody anything but its own engine.
 */
#ifndef VTPM_ENGINE_SHARED_H
#define VTPM_ENGINE_SHARED_H

#include "util/error.h"

/* In the zygote: keep what is there now. A failure costs memory, no more. */
void shared_keep(void);
/* In its engines, once; in a process that has no zygote it does nothing. */
int shared_take(struct error *err);

#endif
