// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/vtpm.h>

#include "util/cleanup.h"
#include "vtpmd/kernel.h"
#include "vtpmd/kernel-request.h"
#include "vtpmd/settings.h"

/*
 * Registering a device runs a dozen TPM commands. One that hangs has 300 s in
 * the module, which is longer than anybody waits here: who gives up ends the
 * engine, which ends the registration. Destroying takes the module 5 s at most.
 */
#define WORK_TIMEOUT_MS 90000
/*
 * How long clients wait for another engine before the running state is given
 * up: the manager may be away, and a provider longer.
 */
#define GRACE_MS (600 * 1000)
#define ENGINE_RCVBUF (1024 * 1024)

int kernel_family(uint16_t *family, struct error *err)
{
	struct kernel_request rq;
	int r = request_init(&rq, err);

	if (r < 0)
		return r;
	*family = rq.family;
	request_deinit(&rq);
	return 0;
}

int kernel_open_engine_socket(int *fd, uint32_t *port, struct error *err)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(addr);
	int size = ENGINE_RCVBUF;
	_cleanup_close_ int sock =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (sock < 0 ||
	    bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockname(sock, (struct sockaddr *)&addr, &len) < 0)
		return error_set(err, -errno, VTPM_ERR_KERNEL,
				 "generic netlink: %s", strerror(errno));
	if (setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	*port = addr.nl_pid;
	*fd = TAKE_FD(sock);
	return 0;
}

static int on_instance(const struct nlmsghdr *nlh, void *arg, struct error *err)
{
	if (kernel_parse_instance(nlh, arg) < 0)
		return error_set(err, -EBADMSG, VTPM_ERR_KERNEL,
				 "the kernel's answer lacks attributes; do the "
				 "module and vtpmd have the same version?");
	return 0;
}

int kernel_create(const char *name, const uint8_t uuid[UUID_LEN], uint32_t port,
		  const struct settings *s, void (*meanwhile)(void *arg),
		  void *arg, struct kernel_instance *out, struct error *err)
{
	struct kernel_request rq;
	struct nlmsghdr *nlh;
	int r = request_init(&rq, err);

	if (r < 0)
		return r;
	nlh = request_start(&rq, rq.family, VTPM_CMD_CREATE, 0);
	mnl_attr_put_strz(nlh, VTPM_A_NAME, name);
	mnl_attr_put(nlh, VTPM_A_UUID, UUID_LEN, uuid);
	mnl_attr_put_u32(nlh, VTPM_A_PORT, port);
	mnl_attr_put_u32(nlh, VTPM_A_GRACE_MS, GRACE_MS);
	mnl_attr_put_u32(nlh, VTPM_A_OWNER_UID, s->uid);
	mnl_attr_put_u32(nlh, VTPM_A_OWNER_GID, s->gid);
	mnl_attr_put_u32(nlh, VTPM_A_MODE, s->mode);
	memset(out, 0, sizeof(*out));
	r = request_send(&rq, "create", err);
	if (!r && meanwhile)
		meanwhile(arg);
	if (!r)
		r = request_wait(&rq, "create", WORK_TIMEOUT_MS, on_instance,
				 out, err);
	request_deinit(&rq);
	if (!r && !out->has_device)
		return error_set(err, -EPROTO, VTPM_ERR_KERNEL,
				 "create: the kernel named no device");
	return r;
}

int kernel_destroy(uint32_t id, struct error *err)
{
	struct error local = { 0 };
	struct kernel_request rq;
	struct nlmsghdr *nlh;
	int r = request_init(&rq, &local);

	/* No module, no instance. */
	if (r == -ENODEV)
		return 0;
	if (!r) {
		nlh = request_start(&rq, rq.family, VTPM_CMD_DESTROY,
				    NLM_F_ACK);
		mnl_attr_put_u32(nlh, VTPM_A_ID, id);
		r = request_transact(&rq, "destroy", WORK_TIMEOUT_MS, NULL,
				     NULL, &local);
		request_deinit(&rq);
	}
	if (r == -ENOENT || r == -ENODEV)
		return 0;
	if (r < 0 && err)
		*err = local;
	return r;
}

int kernel_fail(uint32_t id, const char *reason, struct error *err)
{
	char text[VTPM_MAX_REASON + 1];
	struct kernel_request rq;
	struct nlmsghdr *nlh;
	int r = request_init(&rq, err);

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%s", reason);
	nlh = request_start(&rq, rq.family, VTPM_CMD_FAIL, NLM_F_ACK);
	mnl_attr_put_u32(nlh, VTPM_A_ID, id);
	mnl_attr_put_strz(nlh, VTPM_A_REASON, text);
	r = request_transact(&rq, "fail", REQUEST_TIMEOUT_MS, NULL, NULL, err);
	request_deinit(&rq);
	return r;
}

int kernel_attach(uint32_t id, uint32_t port, bool reset, struct error *err)
{
	struct kernel_request rq;
	struct nlmsghdr *nlh;
	int r = request_init(&rq, err);

	if (r < 0)
		return r;
	nlh = request_start(&rq, rq.family, VTPM_CMD_ATTACH, NLM_F_ACK);
	mnl_attr_put_u32(nlh, VTPM_A_ID, id);
	mnl_attr_put_u32(nlh, VTPM_A_PORT, port);
	if (reset)
		mnl_attr_put(nlh, VTPM_A_RESET, 0, NULL);
	r = request_transact(&rq, "attach", REQUEST_TIMEOUT_MS, NULL, NULL,
			     err);
	request_deinit(&rq);
	return r;
}

struct dump {
	struct kernel_instance *list;
	size_t n;
};

static int on_dump(const struct nlmsghdr *nlh, void *arg, struct error *err)
{
	struct dump *d = arg;
	struct kernel_instance *p;
	int r;

	p = reallocarray(d->list, d->n + 1, sizeof(*p));
	if (!p)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	d->list = p;
	r = on_instance(nlh, &p[d->n], err);
	if (r < 0)
		return r;
	d->n++;
	return 1;
}

int kernel_dump(struct kernel_instance **out, size_t *n, struct error *err)
{
	struct dump d = { 0 };
	struct kernel_request rq;
	int r = request_init(&rq, err);

	if (r < 0)
		return r;
	request_start(&rq, rq.family, VTPM_CMD_GET, NLM_F_DUMP);
	r = request_transact(&rq, "get", REQUEST_TIMEOUT_MS, on_dump, &d, err);
	request_deinit(&rq);
	if (r < 0) {
		free(d.list);
		return r;
	}
	*out = d.list;
	*n = d.n;
	return 0;
}

int kernel_destroy_stale(const char *name, const uint8_t uuid[UUID_LEN],
			 struct error *err)
{
	_cleanup_free_ struct kernel_instance *list = NULL;
	size_t n = 0;
	int r = kernel_dump(&list, &n, err);

	for (size_t i = 0; !r && i < n; i++) {
		if (memcmp(list[i].uuid, uuid, UUID_LEN))
			continue;
		if (strcmp(list[i].name, name))
			r = error_set(err, -EBUSY, VTPM_ERR_IN_USE,
				      "vTPM %s is a copy of %s, which runs; "
				      "stop that one first",
				      name, list[i].name);
		else if (!list[i].port)
			r = kernel_destroy(list[i].id, err);
	}
	return r;
}
