// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An instance whose helper is the engine without a checkpoint, to see what that
 * costs: a new TPM with its file in DIRECTORY, and no manager. Prints the device,
 * serves until standard input ends.
 *
 *   bench-plain DIRECTORY
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/testing/engine.h"
#include "nl.h"

static void serve(struct nl *nl, const char *dir, int ready)
{
	struct engine e = { .name = "plain",
			    .lock = PTHREAD_MUTEX_INITIALIZER };
	_cleanup_(secret) struct secret *key = secret_random(NVRAM_KEY_LEN);
	struct error err = { 0 };
	int fd = open(dir, O_TMPFILE | O_RDWR, 0600);

	if (fd < 0 || engine_new_file(fd, "plain", key, &err) ||
	    nvram_open(fd, "plain", key, &e.nvram, &err) ||
	    engine_power_on(&e, true, key, -1, &err)) {
		fprintf(stderr, "bench-plain: %s\n", fd < 0 ? dir : err.text);
		return;
	}
	if (write(ready, "", 1) == 1)
		frontend_netlink.run(&e, nl->fd, nl->family);
}

static int create(struct nl *nl, uint32_t port, struct nl_in *in)
{
	static const uint8_t uuid[16] = { 'p', 'l', 'a', 'i', 'n' };
	struct nl_msg m;

	nl_begin(nl, &m, VTPM_CMD_CREATE, 0);
	nl_put_str(&m, VTPM_A_NAME, "bench-plain");
	nl_put(&m, VTPM_A_UUID, uuid, sizeof(uuid));
	nl_put_u32(&m, VTPM_A_PORT, port);
	return nl_call(nl, &m, in, 20000);
}

int main(int argc, char **argv)
{
	struct nl control, helper;
	int ready[2], r = 1;
	struct nl_in in;
	pid_t pid;
	char c;

	if (argc != 2 || nl_open(&control) || nl_open(&helper) ||
	    pipe(ready) < 0) {
		fprintf(stderr, "bench-plain: no DIRECTORY, or no vtpm.ko\n");
		return 1;
	}
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(&helper, argv[1], ready[1]);
		_exit(1);
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &c, 1) == 1)
		r = create(&control, helper.port, &in);
	nl_close(&helper);
	if (!r) {
		printf("/dev/tpm%u\n", in.number);
		fflush(stdout);
		while (read(0, &c, 1) > 0)
			;
		r = nl_call_id(&control, VTPM_CMD_DESTROY, in.id, 0, 0, &in);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return !!r;
}
