// SPDX-License-Identifier: GPL-2.0
/*
 * Many instances at once: what one more costs. Makes COUNT instances with a
 * fake helper each, then destroys them, and prints the time of each in the
 * first and in the last tenth, which is for a person to judge: times depend on
 * what else the machine does.
 *
 *   scale [COUNT]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "fake.h"
#include "nl.h"

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static int create(struct nl *nl, unsigned int i, uint32_t port,
		  struct nl_in *in)
{
	uint8_t uuid[16] = { i >> 8, i };
	char name[32];
	struct nl_msg m;

	snprintf(name, sizeof(name), "scale-%u", i);
	nl_begin(nl, &m, VTPM_CMD_CREATE, 0);
	nl_put_str(&m, VTPM_A_NAME, name);
	nl_put(&m, VTPM_A_UUID, uuid, sizeof(uuid));
	nl_put_u32(&m, VTPM_A_PORT, port);
	return nl_call(nl, &m, in, 60000);
}

static int destroy(struct nl *nl, uint32_t id)
{
	struct nl_msg m;
	struct nl_in in;

	nl_begin(nl, &m, VTPM_CMD_DESTROY, NLM_F_ACK);
	nl_put_u32(&m, VTPM_A_ID, id);
	return nl_call(nl, &m, &in, 60000);
}

static int answers(const struct nl_in *in)
{
	static const uint8_t cmd[] = { 0x80, 1, 0,    0,    0, 12,
				       0,    0, 0x01, 0x7b, 0, 8 };
	uint8_t resp[64];
	char path[32];
	int fd, ok;

	snprintf(path, sizeof(path), "/dev/tpm%u", in->number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ok = fd >= 0 && write(fd, cmd, sizeof(cmd)) == sizeof(cmd) &&
	     read(fd, resp, sizeof(resp)) >= 10 && !resp[8] && !resp[9];
	if (fd >= 0)
		close(fd);
	return ok;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of the first or the last tenth: one hiccup is no growth. */
static double median(const double *t, unsigned int n)
{
	double *copy = malloc(n * sizeof(*copy)), m;

	if (!copy)
		exit(1);
	memcpy(copy, t, n * sizeof(*copy));
	qsort(copy, n, sizeof(*copy), compare);
	m = copy[n / 2];
	free(copy);
	return m;
}

static void report(const char *what, const double *t, unsigned int n)
{
	unsigned int tenth = n / 10 ? n / 10 : 1;

	if (n)
		printf("# %s: median of the first tenth %.2f ms, of the last %.2f ms\n",
		       what, median(t, tenth), median(t + n - tenth, tenth));
}

int main(int argc, char **argv)
{
	unsigned int n = argc > 1 ? atoi(argv[1]) : 100, i, up = 0, good = 0;
	double *made = calloc(n, sizeof(*made));
	double *gone = calloc(n, sizeof(*gone));
	struct fake *fakes = calloc(n, sizeof(*fakes));
	struct nl_in *in = calloc(n, sizeof(*in));
	unsigned int left = 0;
	int r = 0;
	struct nl nl;

	if (!n || !made || !gone || !fakes || !in)
		return 1;
	printf("TAP version 13\n1..2\n");
	if (nl_open(&nl)) {
		printf("# SKIP: vtpm.ko is not loaded\n");
		return 4;
	}
	for (up = 0; up < n; up++) {
		double t;

		if (fake_start(&fakes[up], FAKE_ANSWER))
			break;
		t = now_ms();
		r = create(&nl, up, fakes[up].nl.port, &in[up]);
		made[up] = now_ms() - t;
		if (r) {
			printf("# create %u: %d %s\n", up, r, in[up].text);
			fake_stop(&fakes[up]);
			break;
		}
	}
	for (i = 0; i < up; i++)
		good += answers(&in[i]);
	printf("%sok 1 %u of %u instances answer\n", good == n ? "" : "not ",
	       good, n);
	for (i = 0; i < up; i++) {
		double t = now_ms();

		left += !!destroy(&nl, in[i].id);
		gone[i] = now_ms() - t;
		fake_stop(&fakes[i]);
	}
	printf("%sok 2 all of them are destroyed\n", left ? "not " : "");
	report("create", made, up);
	report("destroy", gone, up);
	return good != n || left;
}
