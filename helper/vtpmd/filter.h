/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System call filters for programs that are not ours, or not yet at work: they
 * take away what no helper has a use for. What only our own programs need is
 * for them to say; see helper/engine/sandbox.c.
 */
#ifndef VTPM_VTPMD_FILTER_H
#define VTPM_VTPMD_FILTER_H

#include <linux/filter.h>

#include "util/error.h"

enum filter_sockets {
	SOCKETS_NONE,
	SOCKETS_INTERNET,  /* IPv4 and IPv6, TCP and UDP, as a client */
	SOCKETS_LOCAL_TOO, /* any use of those, and AF_UNIX */
	SOCKETS_COUNT
};

/*
 * @strict: nor signals to others, other processes, or what those of a user
 * share.
 */
int filter_new(enum filter_sockets sockets, int strict, struct sock_fprog *out,
	       struct error *err);
void filter_free(struct sock_fprog *f);
/* In the child of fork(), after no_new_privs: 0, or -1 with errno. */
int filter_enter(const struct sock_fprog *f);

#endif
