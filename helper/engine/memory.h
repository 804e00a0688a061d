/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an engine need not have for itself. Its start and the self-tests write
 * to many pages that are in the end what they are in the zygote, or nothing:
 * libtpms fills the NV array of its TPM, OpenSSL counts references up and down,
 * buffers come and go. Pages that have become the same again are exchanged for
 * the zygote's, and what is free is given back.
 *
 * Nothing compares them later, so that a page that is shared, or no more, tells
 * nobody anything but its own engine.
 */
#ifndef VTPM_ENGINE_MEMORY_H
#define VTPM_ENGINE_MEMORY_H

#include "util/error.h"

/* In the zygote, before its sandbox: where the heap is. */
void memory_find_heap(void);
/* In the zygote: keep what is there now. A failure costs memory, no more. */
void memory_keep(void);
/*
 * In an engine, when it has started and tested itself, while no other thread
 * uses the heap or the TPM. May be called again; the exchange is done once.
 */
int memory_settle(struct error *err);

#endif
