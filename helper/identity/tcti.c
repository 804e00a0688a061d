// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TSS 2.0 TPM Command Transmission Interface, version 1.0, section 3. Commands
 * are synchronous packets, so there is nothing to cancel and nothing to poll.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/protocol.h"
#include "identity/tcti.h"

#define TCTI_MAGIC 0x7674706d656e6731ULL /* "vtpmeng1" */

struct tcti_engine {
	TSS2_TCTI_CONTEXT_COMMON_V2 common;
	int fd;
	uint8_t locality;
	struct {
		struct engine_header h;
		uint8_t data[ENGINE_MAX_COMMAND];
	} reply;
	size_t reply_len; /* of a response that was not fetched yet */
};

static struct tcti_engine *tcti_check(TSS2_TCTI_CONTEXT *ctx)
{
	struct tcti_engine *t = (void *)ctx;

	return t && t->common.v1.magic == TCTI_MAGIC ? t : NULL;
}

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *ctx, size_t size, const uint8_t *cmd)
{
	struct tcti_engine *t = tcti_check(ctx);
	struct {
		struct engine_header h;
		struct engine_execute x;
		uint8_t data[ENGINE_MAX_COMMAND];
	} __attribute__((packed)) req = { 0 };
	ssize_t len = sizeof(req.h) + sizeof(req.x) + size;

	if (!t || !cmd)
		return TSS2_TCTI_RC_BAD_REFERENCE;
	if (size > sizeof(req.data))
		return TSS2_TCTI_RC_BAD_VALUE;
	if (t->reply_len)
		return TSS2_TCTI_RC_BAD_SEQUENCE;
	req.h.op = ENGINE_OP_EXECUTE;
	req.h.len = sizeof(req.x) + size;
	req.x.locality = t->locality;
	memcpy(req.data, cmd, size);
	if (send(t->fd, &req, len, MSG_NOSIGNAL) != len)
		return TSS2_TCTI_RC_IO_ERROR;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC fetch(struct tcti_engine *t, int32_t timeout)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	ssize_t n;
	int r;

	do {
		r = poll(&p, 1, timeout);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return TSS2_TCTI_RC_IO_ERROR;
	if (!r)
		return TSS2_TCTI_RC_TRY_AGAIN;
	n = recv(t->fd, &t->reply, sizeof(t->reply), 0);
	if (n < (ssize_t)sizeof(t->reply.h) ||
	    t->reply.h.len != n - sizeof(t->reply.h) ||
	    t->reply.h.op != ENGINE_OP_EXECUTE || t->reply.h.errnum)
		return TSS2_TCTI_RC_IO_ERROR;
	t->reply_len = t->reply.h.len;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *ctx, size_t *size, uint8_t *resp,
		       int32_t timeout)
{
	struct tcti_engine *t = tcti_check(ctx);
	TSS2_RC rc;

	if (!t || !size)
		return TSS2_TCTI_RC_BAD_REFERENCE;
	if (!t->reply_len) {
		rc = fetch(t, timeout);
		if (rc != TSS2_RC_SUCCESS)
			return rc;
	}
	if (!resp) {
		*size = t->reply_len;
		return TSS2_RC_SUCCESS;
	}
	if (*size < t->reply_len)
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	memcpy(resp, t->reply.data, t->reply_len);
	*size = t->reply_len;
	t->reply_len = 0;
	return TSS2_RC_SUCCESS;
}

static void finalize(TSS2_TCTI_CONTEXT *ctx)
{
	struct tcti_engine *t = tcti_check(ctx);

	if (t)
		explicit_bzero(t, sizeof(*t));
}

static TSS2_RC cancel(TSS2_TCTI_CONTEXT *ctx)
{
	(void)ctx;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC set_locality(TSS2_TCTI_CONTEXT *ctx, uint8_t locality)
{
	struct tcti_engine *t = tcti_check(ctx);

	if (!t)
		return TSS2_TCTI_RC_BAD_REFERENCE;
	if (locality > 4)
		return TSS2_TCTI_RC_BAD_VALUE;
	t->locality = locality;
	return TSS2_RC_SUCCESS;
}

TSS2_TCTI_CONTEXT *tcti_engine_new(int fd)
{
	struct tcti_engine *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fd = fd;
	t->common.v1.magic = TCTI_MAGIC;
	t->common.v1.version = 2;
	t->common.v1.transmit = transmit;
	t->common.v1.receive = receive;
	t->common.v1.finalize = finalize;
	t->common.v1.cancel = cancel;
	t->common.v1.setLocality = set_locality;
	return (TSS2_TCTI_CONTEXT *)t;
}
