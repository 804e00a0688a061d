// SPDX-License-Identifier: GPL-2.0
/* What an instance shows: its nodes, its statistics, its events. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "tests.h"

static int create_owned(uint32_t port, uint32_t uid, uint32_t gid,
			uint32_t mode, struct nl_in *in)
{
	struct nl_msg m;

	nl_begin(&nl, &m, VTPM_CMD_CREATE, 0);
	nl_put_str(&m, VTPM_A_NAME, "st-owner");
	nl_put(&m, VTPM_A_UUID, uuid, sizeof(uuid));
	if (port)
		nl_put_u32(&m, VTPM_A_PORT, port);
	nl_put_u32(&m, VTPM_A_OWNER_UID, uid);
	nl_put_u32(&m, VTPM_A_OWNER_GID, gid);
	nl_put_u32(&m, VTPM_A_MODE, mode);
	return nl_call(&nl, &m, in, 20000);
}

static int node_is(const char *kind, unsigned int number, uid_t uid, gid_t gid,
		   mode_t mode)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/%s%u", kind, number);
	return !stat(path, &st) && st.st_uid == uid && st.st_gid == gid &&
	       (st.st_mode & 07777) == mode;
}

int test_owner(void)
{
	struct fake f;
	struct nl_in in;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create_owned(f.nl.port, 1234, 5678, 0640, &in));
	CHECK(in.uid == 1234 && in.gid == 5678 && in.mode == 0640);
	CHECK(node_is("tpm", in.number, 1234, 5678, 0640));
	CHECK(node_is("tpmrm", in.number, 1234, 5678, 0640));
	CHECK(!destroy(in.id));
	fake_stop(&f);
	/* Root's alone unless something else was asked for. */
	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-owner", f.nl.port, 5000, 1000, &in));
	CHECK(node_is("tpm", in.number, 0, 0, 0600));
	CHECK(node_is("tpmrm", in.number, 0, 0, 0600));
	CHECK(!destroy(in.id));
	fake_stop(&f);
	CHECK(create_owned(0, -1, 0, 0600, &in) == -EINVAL && in.text[0]);
	CHECK(create_owned(0, 0, -1, 0600, &in) == -EINVAL && in.text[0]);
	CHECK(create_owned(0, 0, 0, 04755, &in) == -EINVAL && in.text[0]);
	return 0;
}

static uint64_t sysfs_stat(const char *name, const char *file)
{
	char path[128];
	unsigned long long v = ~0ull;
	FILE *f;

	snprintf(path, sizeof(path),
		 "/sys/devices/virtual/vtpm/%s/statistics/%s", name, file);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &v) != 1)
		printf("# %s is not readable\n", path);
	if (f)
		fclose(f);
	return v;
}

/* By how much one counter has grown. */
static uint64_t grew(const struct nl_in *before, const struct nl_in *after,
		     int counter)
{
	return after->stats[counter] - before->stats[counter];
}

int test_stats(void)
{
	struct fake f;
	struct nl_in in, old, now;
	uint64_t sum = 0;
	unsigned int i;
	int fd;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-stats", f.nl.port, 500, 1000, &in));
	fd = open_node(&in);
	CHECK(fd >= 0);
	CHECK(!by_id(VTPM_CMD_GET, in.id, 0, 0, &old) && old.has_stats);
	for (i = 0; i < 20; i++)
		CHECK(transact(fd) == 0);
	f.mode = FAKE_TWICE;
	CHECK(transact(fd) == 0);
	EVENTUALLY(f.refused == 1);
	f.mode = FAKE_SILENT;
	CHECK(transact(fd) == -ETIME);
	f.mode = FAKE_ANSWER;
	CHECK(!by_id(VTPM_CMD_GET, in.id, 0, 0, &now));
	CHECK(grew(&old, &now, VTPM_A_STATS_COMMANDS) == 22);
	CHECK(grew(&old, &now, VTPM_A_STATS_ERRORS) == 1);
	CHECK(grew(&old, &now, VTPM_A_STATS_CANCELS) == 1);
	CHECK(grew(&old, &now, VTPM_A_STATS_REFUSED) == 1);
	CHECK(grew(&old, &now, VTPM_A_STATS_REDELIVERIES) == 0);
	CHECK(grew(&old, &now, VTPM_A_STATS_BYTES_SENT) == 22 * 12);
	CHECK(grew(&old, &now, VTPM_A_STATS_BYTES_RECEIVED) == 21 * 10);
	for (i = 0; i < now.latency_n; i++)
		sum += now.latency[i];
	CHECK(sum == now.stats[VTPM_A_STATS_COMMANDS] -
			     now.stats[VTPM_A_STATS_ERRORS]);
	CHECK(sysfs_stat("st-stats", "commands") ==
	      now.stats[VTPM_A_STATS_COMMANDS]);
	CHECK(sysfs_stat("st-stats", "latency_us") == now.latency[0]);
	close(fd);
	CHECK(!destroy(in.id));
	fake_stop(&f);
	return 0;
}

int test_events(void)
{
	static const uint8_t want[][2] = {
		{ VTPM_STATE_NEW, VTPM_STATE_NEW },
		{ VTPM_STATE_NEW, VTPM_STATE_REGISTERING },
		{ VTPM_STATE_REGISTERING, VTPM_STATE_READY },
		{ VTPM_STATE_READY, VTPM_STATE_DETACHED },
		{ VTPM_STATE_DETACHED, VTPM_STATE_GONE },
	};
	struct nl listener;
	struct fake f;
	struct nl_in in, ev;
	unsigned int i;

	CHECK(!nl_open(&listener));
	CHECK(!setsockopt(listener.fd, 270, 1, &listener.events, 4));
	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-event", f.nl.port, 5000, 5000, &in));
	fake_stop(&f);
	EVENTUALLY(state_of(in.id) == VTPM_STATE_DETACHED);
	CHECK(!destroy(in.id));
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		CHECK(!nl_recv(&listener, &ev, 1000));
		CHECK(ev.cmd == VTPM_CMD_STATE_NTF && ev.id == in.id &&
		      !strcmp(ev.name, "st-event") &&
		      ev.old_state == want[i][0] && ev.state == want[i][1]);
	}
	nl_close(&listener);
	return 0;
}
