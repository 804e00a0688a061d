/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel module, over generic netlink (Documentation/netlink/specs/
 * vtpm.yaml). Requests open a socket of their own and wait for the answer, so
 * they belong into jobs; events come on one socket in the main loop.
 *
 * Every function says VTPM_ERR_NO_MODULE where the family is not there.
 */
#ifndef VTPM_VTPMD_KERNEL_H
#define VTPM_VTPMD_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/text.h"

struct nlmsghdr;

struct settings;

struct kernel_instance {
	uint32_t id;
	char name[NAME_MAX_LEN + 1];
	uint8_t uuid[UUID_LEN];
	uint32_t state; /* enum vtpm_state */
	bool has_device;
	uint32_t tpm_number;
	uint32_t port;
	char reason[256];
};

/* Its number, for the engine; also says whether the module is there. */
int kernel_family(uint16_t *family, struct error *err);

/* A bound socket for an engine, and its port. */
int kernel_open_engine_socket(int *fd, uint32_t *port, struct error *err);

/*
 * @name and @uuid are the instance's, @port is the engine's; @s says who owns
 * the nodes. @meanwhile, which may be NULL, is called while the TPM core
 * probes the device.
 */
int kernel_create(const char *name, const uint8_t uuid[UUID_LEN], uint32_t port,
		  const struct settings *s, void (*meanwhile)(void *arg),
		  void *arg, struct kernel_instance *out, struct error *err);
/* An instance that is not there counts as destroyed. */
int kernel_destroy(uint32_t id, struct error *err);
/*
 * Remove the instance of this vTPM that nobody answers, if there is one: of a
 * create whose answer came too late. The caller has the vTPM's file locked.
 * VTPM_ERR_IN_USE if the kernel has this vTPM under another name.
 */
int kernel_destroy_stale(const char *name, const uint8_t uuid[UUID_LEN],
			 struct error *err);
/*
 * Give the instance, whose engine is gone, to the one with that socket. With
 * @reset its TPM has begun anew: the command that waits is not executed.
 */
int kernel_attach(uint32_t id, uint32_t port, bool reset, struct error *err);
int kernel_fail(uint32_t id, const char *reason, struct error *err);
/* All instances; the caller frees *out. */
int kernel_dump(struct kernel_instance **out, size_t *n, struct error *err);

/* A socket that events come on, now or once the module is loaded. */
int kernel_open_events(int *fd, struct error *err);

struct kernel_event {
	uint32_t id;
	char name[NAME_MAX_LEN + 1];
	uint32_t old_state, state;
	char reason[256];
};

/*
 * Read what is there and call @fn for each transition. Returns 0, -ENOBUFS if
 * events were lost, or another negative errno.
 */
int kernel_read_events(int fd, void (*fn)(const struct kernel_event *, void *),
		       void *arg);

const char *kernel_state_name(uint32_t state);

/* For the above and for tests: 0, or -EBADMSG if a needed attribute lacks. */
int kernel_parse_instance(const struct nlmsghdr *nlh,
			  struct kernel_instance *out);
int kernel_parse_event(const struct nlmsghdr *nlh, struct kernel_event *out);
/* What an NLMSG_ERROR says, with the extended-ack text: 0 or a negative errno.
 */
int kernel_parse_error(const struct nlmsghdr *nlh, const char *what,
		       struct error *err);

#endif
