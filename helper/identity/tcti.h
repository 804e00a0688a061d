/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TSS2 TCTI over a connection to an engine's control socket. */
#ifndef VTPM_IDENTITY_TCTI_H
#define VTPM_IDENTITY_TCTI_H

#include <tss2/tss2_tcti.h>

/*
 * Make a TCTI over @fd, a connected SOCK_SEQPACKET socket that stays the
 * caller's. Free the context with free() after Tss2_Tcti_Finalize(). NULL when
 * memory is short.
 */
TSS2_TCTI_CONTEXT *tcti_engine_new(int fd);

#endif
