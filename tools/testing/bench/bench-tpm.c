// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Time TPM commands one by one: in this process with libtpms (the floor), on a
 * device node, or two processes that pass a message back and forth over
 * netlink (what any helper behind netlink pays). A line of JSON an operation.
 *
 *   bench-tpm in-process|DEVICE|SOCKET|netlink-pingpong[-libtpms] PATH-NAME
 *             ROUND [COUNT [random|short|nv]]
 *
 * SOCKET is swtpm's, of AF_UNIX, with no device and no kernel in between.
 * With "random" or "nv" GetRandom or NV_Write is all, with "short" GetRandom,
 * PCR_Read and PCR_Extend are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libtpms/tpm_error.h>
#include <libtpms/tpm_library.h>
#include <libtpms/tpm_memory.h>
#include <libtpms/tpm_nvfilename.h>
#include <linux/netlink.h>

#define PCR "\x00\x00\x00\x10"
#define OWNER "\x40\x00\x00\x01"
#define NV_INDEX "\x01\x50\x00\x20"
/* A password session with an empty password. */
#define AUTH "\x00\x00\x00\x09\x40\x00\x00\x09\x00\x00\x00\x00\x00"
#define B32 "abcdefghijklmnopqrstuvwxyz012345"

struct buffer {
	size_t len;
	uint8_t data[4096];
};

static int device = -1;

static void die(const char *what)
{
	fprintf(stderr, "bench-tpm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put(struct buffer *b, const void *data, size_t len)
{
	memcpy(b->data + b->len, data, len);
	b->len += len;
}
#define PUT(b, text) put(b, text, sizeof(text) - 1)

static struct buffer begin(int sessions, uint32_t code)
{
	struct buffer b = { .len = 10 };

	b.data[0] = 0x80;
	b.data[1] = sessions ? 2 : 1;
	b.data[8] = code >> 8;
	b.data[9] = code;
	return b;
}

static void end(struct buffer *b)
{
	b->data[4] = b->len >> 8;
	b->data[5] = b->len;
}

/* The response code; the response is in *r. */
static uint32_t transact(struct buffer *b, struct buffer *r)
{
	if (device < 0) {
		static unsigned char *resp;
		static uint32_t size;
		uint32_t len;

		if (TPMLIB_Process(&resp, &len, &size, b->data, b->len))
			return ~0u;
		memcpy(r->data, resp, len);
		r->len = len;
	} else {
		ssize_t n = write(device, b->data, b->len);

		if (n >= 0)
			n = read(device, r->data, sizeof(r->data));
		if (n < 10)
			die("device");
		r->len = n;
	}
	return (uint32_t)r->data[6] << 24 | r->data[7] << 16 | r->data[8] << 8 |
	       r->data[9];
}

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(const char *op, const char *path, int round, double *t,
		   int n)
{
	qsort(t, n, sizeof(*t), compare);
	printf("{\"operation\": \"%s\", \"path\": \"%s\", \"p50_us\": %.2f, \"p99_us\": %.2f, \"n\": %d, \"round\": %d}\n",
	       op, path, t[n / 2], t[n * 99 / 100], n, round);
	fflush(stdout);
}

/* @vary is the offset of two bytes to change each time, or 0. */
static void measure(const char *op, const char *path, int round,
		    struct buffer *cmd, int n, size_t vary)
{
	double *t = calloc(n, sizeof(*t));
	struct buffer r;

	end(cmd);
	for (int i = -n / 10; i < n; i++) {
		double start;
		uint32_t rc;

		/* NV data that is written again as it is costs nothing. */
		if (vary) {
			cmd->data[vary] = i;
			cmd->data[vary + 1] = i >> 8;
		}
		start = now_us();
		do { /* TPM_RC_RETRY: libtpms 0.9 at the first use of DA */
			rc = transact(cmd, &r);
		} while (rc == 0x922);
		if (rc) {
			fprintf(stderr, "bench-tpm: %s: 0x%x\n", op, rc);
			exit(1);
		}
		if (i >= 0)
			t[i] = now_us() - start;
	}
	report(op, path, round, t, n);
	free(t);
}

/* A P-256 signing key; its transient handle in 4 bytes. */
static void make_key(uint8_t handle[4])
{
	struct buffer b = begin(1, 0x131), r;

	PUT(&b, OWNER AUTH "\x00\x04\x00\x00\x00\x00");
	PUT(&b, "\x00\x18\x00\x23\x00\x0b\x00\x04\x04\x72\x00\x00"
		"\x00\x10\x00\x18\x00\x0b\x00\x03\x00\x10\x00\x00\x00\x00");
	PUT(&b, "\x00\x00\x00\x00\x00\x00");
	end(&b);
	if (transact(&b, &r))
		die("CreatePrimary");
	memcpy(handle, r.data + 10, 4);
}

static void define_nv(void)
{
	struct buffer b = begin(1, 0x12a), r;

	PUT(&b, OWNER AUTH "\x00\x00\x00\x0e" NV_INDEX
			   "\x00\x0b\x02\x06\x00\x06\x00\x00\x00\x20");
	end(&b);
	transact(&b, &r); /* it may be there from another round */
}

static void flush(const uint8_t handle[4])
{
	struct buffer b = begin(0, 0x165), r;

	put(&b, handle, 4);
	end(&b);
	transact(&b, &r);
}

static void run_random(const char *path, int round, int n)
{
	struct buffer b = begin(0, 0x17b);

	PUT(&b, "\x00\x20");
	measure("GetRandom", path, round, &b, n, 0);
}

static void run_nv(const char *path, int round, int n)
{
	struct buffer b;

	define_nv();
	b = begin(1, 0x137);
	PUT(&b, OWNER NV_INDEX AUTH "\x00\x20" B32 "\x00\x00");
	measure("NV_Write", path, round, &b, n, b.len - 4);
}

/* What needs no disk and no key. */
static void run_short(const char *path, int round, int n)
{
	struct buffer b;

	run_random(path, round, n);
	b = begin(0, 0x17e);
	PUT(&b, "\x00\x00\x00\x01\x00\x0b\x03\x00\x00\x01");
	measure("PCR_Read", path, round, &b, n, 0);
	b = begin(1, 0x182);
	PUT(&b, PCR AUTH "\x00\x00\x00\x01\x00\x0b" B32);
	measure("PCR_Extend", path, round, &b, n, 0);
}

static void run_commands(const char *path, int round, int n)
{
	struct buffer b;
	uint8_t key[4];

	run_short(path, round, n);
	run_nv(path, round, n);
	make_key(key);
	b = begin(1, 0x15d);
	put(&b, key, 4);
	PUT(&b, AUTH "\x00\x20" B32 "\x00\x10\x80\x24\x40\x00\x00\x07\x00\x00");
	measure("ECDSA_Sign", path, round, &b, n / 5, 0);
	flush(key);
}

static struct {
	unsigned char *data;
	uint32_t len;
} nv;

static TPM_RESULT no_init(void)
{
	return TPM_SUCCESS;
}

/* MainInit loads what it has stored when it makes a new TPM. */
static TPM_RESULT load(unsigned char **data, uint32_t *len, uint32_t number,
		       const char *name)
{
	(void)number;
	if (strcmp(name, TPM_PERMANENT_ALL_NAME) || !nv.len)
		return TPM_RETRY;
	if (TPM_Malloc(data, nv.len) != TPM_SUCCESS)
		return TPM_FAIL;
	memcpy(*data, nv.data, nv.len);
	*len = nv.len;
	return TPM_SUCCESS;
}

/* Kept in memory: the floor has no disk. */
static TPM_RESULT store(const unsigned char *data, uint32_t len,
			uint32_t number, const char *name)
{
	(void)number;
	if (strcmp(name, TPM_PERMANENT_ALL_NAME))
		return TPM_SUCCESS;
	if (len > nv.len)
		nv.data = realloc(nv.data, len);
	if (!nv.data)
		return TPM_FAIL;
	memcpy(nv.data, data, len);
	nv.len = len;
	return TPM_SUCCESS;
}

static void start_in_process(void)
{
	static const struct libtpms_callbacks cb = {
		.sizeOfStruct = sizeof(cb),
		.tpm_nvram_init = no_init,
		.tpm_nvram_loaddata = load,
		.tpm_nvram_storedata = store,
	};
	struct buffer b = begin(0, 0x144), r;

	TPMLIB_ChooseTPMVersion(TPMLIB_TPM_VERSION_2);
	TPMLIB_RegisterCallbacks((struct libtpms_callbacks *)&cb);
	if (TPMLIB_MainInit())
		die("libtpms");
	PUT(&b, "\x00\x00");
	end(&b);
	if (transact(&b, &r))
		die("Startup");
}

static int user_socket(uint32_t *port)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);

	if (fd < 0 || bind(fd, (void *)&sa, sizeof(sa)) < 0 ||
	    getsockname(fd, (void *)&sa, &len) < 0)
		die("netlink");
	*port = sa.nl_pid;
	return fd;
}

static void pass(int fd, uint32_t port, const void *data, size_t len)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK, .nl_pid = port };

	if (sendto(fd, data, len, 0, (void *)&sa, sizeof(sa)) < 0)
		die("sendto");
}

/*
 * With libtpms the other process answers with a GetRandom that it runs: what any
 * helper costs that has a TPM in it, since code and data of that are to be had
 * into caches and translated addresses each time.
 */
static void serve_pingpong(int sock, uint32_t port, bool tpm)
{
	struct buffer b = begin(0, 0x17b), r = { 0 };
	uint8_t buf[256] = { 0 };

	PUT(&b, "\x00\x20");
	end(&b);
	if (tpm)
		start_in_process();
	while (recv(sock, buf, sizeof(buf), 0) > 0 && !buf[59]) {
		if (tpm && transact(&b, &r))
			die("libtpms");
		pass(sock, port, tpm ? r.data : buf, 100);
	}
	_exit(0);
}

/* As long as GetRandom's messages are: 60 bytes there, 100 back. */
static void run_pingpong(const char *path, int round, int n, bool tpm)
{
	uint32_t here, there;
	int a = user_socket(&here), b = user_socket(&there);
	double *t = calloc(n, sizeof(*t));
	uint8_t buf[256] = { 0 };
	pid_t pid = fork();

	if (!pid)
		serve_pingpong(b, here, tpm);
	for (int i = -n / 10; i < n; i++) {
		double start = now_us();

		pass(a, there, buf, 60);
		if (recv(a, buf, sizeof(buf), 0) < 0)
			die("recv");
		if (i >= 0)
			t[i] = now_us() - start;
	}
	buf[59] = 1;
	pass(a, there, buf, 60);
	waitpid(pid, NULL, 0);
	report("ping-pong", path, round, t, n);
	free(t);
}

static int open_path(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	if (stat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return open(path, O_RDWR);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strncpy(sa.sun_path, path, sizeof(sa.sun_path) - 1);
	return connect(fd, (void *)&sa, sizeof(sa)) < 0 ? -1 : fd;
}

int main(int argc, char **argv)
{
	int n = argc > 4 ? atoi(argv[4]) : 500;

	if (argc < 4 || n < 10)
		return 2;
	if (!strncmp(argv[1], "netlink-pingpong", 16)) {
		run_pingpong(argv[2], atoi(argv[3]), n, argv[1][16] == '-');
		return 0;
	}
	if (!strcmp(argv[1], "in-process")) {
		start_in_process();
	} else {
		device = open_path(argv[1]);
		if (device < 0)
			die(argv[1]);
	}
	if (argc > 5 && !strcmp(argv[5], "random"))
		run_random(argv[2], atoi(argv[3]), n);
	else if (argc > 5 && !strcmp(argv[5], "short"))
		run_short(argv[2], atoi(argv[3]), n);
	else if (argc > 5 && !strcmp(argv[5], "nv"))
		run_nv(argv[2], atoi(argv[3]), n);
	else
		run_commands(argv[2], atoi(argv[3]), n);
	return 0;
}
