// SPDX-License-Identifier: GPL-2.0-or-later
/* The control socket of an engine, and what is said on it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "vtpmd/engine.h"

/* Being taken in, or having a request taken; an engine that hangs does neither.
 */
#define SEND_TIMEOUT_S 5

/* The address goes through a descriptor: a path might not fit into it. */
static void engine_address(const struct config *cfg, const char *name,
			   struct sockaddr_un *addr)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/%s",
		 cfg->engine_fd, name);
}

int engine_bind_control(const struct config *cfg, const char *name, int *out,
			struct error *err)
{
	struct sockaddr_un addr;
	_cleanup_close_ int sock =
		socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	engine_address(cfg, name, &addr);
	unlinkat(cfg->engine_fd, name, 0);
	/* The mode before there is a name; umask would be all threads'. */
	if (sock < 0 || fchmod(sock, 0600) < 0 ||
	    bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return error_set(err, -errno, VTPM_ERR_ENGINE,
				 "control socket %s/engine/%s: %s",
				 cfg->run_dir, name, strerror(errno));
	*out = TAKE_FD(sock);
	return 0;
}

int engine_connect(const struct config *cfg, const char *name)
{
	const struct timeval tv = { .tv_sec = SEND_TIMEOUT_S };
	struct sockaddr_un addr;
	_cleanup_close_ int sock =
		socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	engine_address(cfg, name, &addr);
	/* connect() waits as well, while the listener's queue is full. */
	if (sock < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0 ||
	    connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return TAKE_FD(sock);
}

int engine_transact(int sock, uint32_t op, int timeout_ms, const void *req,
		    size_t req_len, void *data, size_t len)
{
	struct engine_header head = { .op = op, .len = req_len };
	struct iovec iov[] = { { &head, sizeof(head) },
			       { (void *)req, req_len } };
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	const struct timeval tv = { timeout_ms / 1000,
				    timeout_ms % 1000 * 1000 };
	_Static_assert(sizeof(struct engine_status) <= ENGINE_MAX_REPLY,
		       "fits");
	char buf[sizeof(struct engine_header) + ENGINE_MAX_REPLY];
	struct engine_header rep;
	ssize_t n;

	if (setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
	    sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	do {
		n = recv(sock, buf, sizeof(buf), MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (!n)
		return -EPIPE;
	if ((size_t)n < sizeof(rep))
		return -EBADMSG;
	memcpy(&rep, buf, sizeof(rep));
	if (rep.op != op || rep.errnum > 0 ||
	    n != (ssize_t)(sizeof(rep) + rep.len))
		return -EBADMSG;
	if (rep.errnum)
		return rep.errnum;
	if (rep.len != len)
		return -EBADMSG;
	if (len)
		memcpy(data, buf + sizeof(rep), len);
	return 0;
}

int engine_try_execute(int sock, int timeout_ms, const uint8_t *cmd,
		       size_t cmd_len, void *resp, size_t len)
{
	const struct engine_execute x = { .locality = 0 };
	uint8_t req[sizeof(x) + 64];

	if (cmd_len > sizeof(req) - sizeof(x))
		return -E2BIG;
	memcpy(req, &x, sizeof(x));
	memcpy(req + sizeof(x), cmd, cmd_len);
	return engine_transact(sock, ENGINE_OP_TRY_EXECUTE, timeout_ms, req,
			       sizeof(x) + cmd_len, resp, len);
}

int engine_get_status(int sock, int timeout_ms, struct engine_status *out)
{
	return engine_transact(sock, ENGINE_OP_STATUS, timeout_ms, NULL, 0, out,
			       sizeof(*out));
}
