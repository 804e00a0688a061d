/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One question to the module and its answer, on a socket of its own. For the
 * files of kernel.h only.
 */
#ifndef VTPM_VTPMD_KERNEL_REQUEST_H
#define VTPM_VTPMD_KERNEL_REQUEST_H

#include <stdint.h>

#include <libmnl/libmnl.h>

#include "util/error.h"

#define REQUEST_SIZE 8192	 /* bytes of a message at most */
#define REQUEST_TIMEOUT_MS 10000 /* for what the module does at once */

struct kernel_request {
	struct mnl_socket *sock;
	uint16_t family;
	uint32_t events_group;
	uint32_t seq;
	char buf[REQUEST_SIZE];
};

/* A socket, and the family's number: it changes when the module is reloaded. */
int request_init(struct kernel_request *rq, struct error *err);
void request_deinit(struct kernel_request *rq);

/* Begin a message in rq->buf, for attributes to be put behind it. */
struct nlmsghdr *request_start(struct kernel_request *rq, uint16_t type,
			       uint8_t cmd, uint16_t flags);

/* Called for each answer: 1 to go on, 0 for the end, or a negative errno. */
typedef int (*request_answer_fn)(const struct nlmsghdr *nlh, void *arg,
				 struct error *err);

/* Send the message that stands in rq->buf and wait for all of its answer. */
int request_transact(struct kernel_request *rq, const char *what,
		     int timeout_ms, request_answer_fn fn, void *arg,
		     struct error *err);
/* The two halves of that. */
int request_send(struct kernel_request *rq, const char *what,
		 struct error *err);
int request_wait(struct kernel_request *rq, const char *what, int timeout_ms,
		 request_answer_fn fn, void *arg, struct error *err);

/* The numbers of our family in a message of nlctrl; -ENOENT if not ours. */
int request_parse_family(const struct nlmsghdr *nlh, uint16_t *family,
			 uint32_t *group);

#endif
