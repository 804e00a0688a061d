/* SPDX-License-Identifier: GPL-2.0 */
/* The family "vtpm" with nothing but the C library, for tests. */
#ifndef VTPM_SELFTEST_NL_H
#define VTPM_SELFTEST_NL_H

#include <stddef.h>
#include <stdint.h>
#include <linux/vtpm.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct nl {
	int fd;
	uint16_t family;
	uint32_t events; /* id of the multicast group */
	uint32_t port;
	uint32_t seq;
};

struct nl_msg {
	uint32_t len;	   /* used bytes of buf */
	uint8_t buf[8192]; /* aligned as messages must be: by len */
};

/* What a message from the kernel holds, as far as it is there. */
struct nl_in {
	int cmd;	/* VTPM_CMD_*, or -1 for a status */
	int error;	/* of a status: 0 or negative errno */
	char text[256]; /* of a status: ext-ack message */
	uint32_t seqno; /* nlmsg_seq */
	uint32_t id, state, old_state, number, port, buffer_size;
	int has_number;
	uint64_t seq;
	char name[64];
	char reason[256];
	uint8_t payload[4096];
	uint32_t payload_len;
	uint8_t locality;
	uint32_t uid, gid, mode;
	int has_stats;
	uint64_t stats[16]; /* by VTPM_A_STATS_* */
	uint64_t latency[64];
	unsigned int latency_n;
};

/* 0 or negative errno; -ENOENT: the module is not loaded. */
int nl_open(struct nl *nl);
void nl_close(struct nl *nl);

void nl_begin(struct nl *nl, struct nl_msg *m, int cmd, int flags);
void nl_put(struct nl_msg *m, int type, const void *data, size_t len);
void nl_put_u32(struct nl_msg *m, int type, uint32_t v);
void nl_put_str(struct nl_msg *m, int type, const char *s);
int nl_send(struct nl *nl, struct nl_msg *m);

/* The next message within @ms; -ETIMEDOUT if there is none. */
int nl_recv(struct nl *nl, struct nl_in *in, int ms);
/* Send and wait for the reply or status of this request. */
int nl_call(struct nl *nl, struct nl_msg *m, struct nl_in *in, int ms);
/* The same about an instance; a @port of 0 and no @reset are left out. */
int nl_call_id(struct nl *nl, int cmd, uint32_t id, uint32_t port, int reset,
	       struct nl_in *in);

#endif
