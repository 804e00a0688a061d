// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands as fast as they are answered, by one client a device, all at once:
 * how many of them in so many seconds. A line of JSON.
 *
 *   bench-load PATH-NAME SECONDS random|extend DEVICE...
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEVICES 16

/* GetRandom of 32 bytes; PCR_Extend of 16 with an empty password. */
static const uint8_t get_random[] = { 0x80, 1, 0,    0,	   0, 12,
				      0,    0, 0x01, 0x7b, 0, 32 };
static const uint8_t extend[10 + 4 + 4 + 9 + 4 + 2 + 32] = {
	0x80, 2,  0,	0,    0, sizeof(extend),
	0,    0,  0x01, 0x82, 0, 0,
	0,    16, 0,	0,    0, 9,
	0x40, 0,  0,	9,    0, 0,
	0,    0,  0,	0,    0, 0,
	1,    0,  0x0b,
};

/* Of all processes. */
static struct {
	_Atomic int begin;
	_Atomic int failed;
	_Atomic unsigned long done[MAX_DEVICES];
} * shared;

static void client(const char *device, const uint8_t *cmd, size_t len, int i)
{
	uint8_t resp[4096];
	int fd = open(device, O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!shared->begin)
		usleep(1000);
	for (;;) {
		if (fd < 0 || write(fd, cmd, len) != (ssize_t)len ||
		    read(fd, resp, sizeof(resp)) < 10 ||
		    memcmp(resp + 6, "\0\0\0\0", 4) != 0) {
			shared->failed = 1;
			_exit(1);
		}
		shared->done[i]++;
	}
}

int main(int argc, char **argv)
{
	pid_t pids[MAX_DEVICES];
	int n = argc - 4, seconds = n > 0 ? atoi(argv[2]) : 0;
	unsigned long before[MAX_DEVICES], sum = 0;

	if (n < 1 || n > MAX_DEVICES || seconds < 1)
		return 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	for (int i = 0; i < n; i++) {
		pids[i] = fork();
		if (!pids[i] && !strcmp(argv[3], "extend"))
			client(argv[4 + i], extend, sizeof(extend), i);
		if (!pids[i])
			client(argv[4 + i], get_random, sizeof(get_random), i);
	}
	shared->begin = 1;
	/* Warm. */
	sleep(1);
	for (int i = 0; i < n; i++)
		before[i] = shared->done[i];
	sleep(seconds);
	for (int i = 0; i < n; i++)
		sum += shared->done[i] - before[i];
	for (int i = 0; i < n; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	if (shared->failed) {
		fprintf(stderr, "bench-load: a command failed\n");
		return 1;
	}
	printf("{\"operation\": \"%s\", \"path\": \"%s\", \"devices\": %d, \"per_second\": %.1f}\n",
	       argv[3], argv[1], n, (double)sum / seconds);
	return 0;
}
