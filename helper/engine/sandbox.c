// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <grp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "engine/engine.h"
#include "util/text.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

int sandbox_drop_user(const char *uid_gid, struct error *err)
{
	const char *colon = strchr(uid_gid, ':');
	char user[16] = "";
	uint32_t uid, gid;

	if (colon && (size_t)(colon - uid_gid) < sizeof(user))
		memcpy(user, uid_gid, colon - uid_gid);
	/* Neither is 0, nor UINT32_MAX, which would leave us who we are. */
	if (number_parse(user, 1, UINT32_MAX - 1, &uid) ||
	    number_parse(colon + 1, 1, UINT32_MAX - 1, &gid))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "--user takes UID:GID, both not 0");
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return error_set(err, -errno, VTPM_ERR_ENGINE,
				 "cannot become user %s: %m", uid_gid);
	return 0;
}

/*
 * What a running engine needs: to talk on descriptors it has, to write its
 * file, memory, time and random numbers. Nothing that opens, executes, or
 * reaches another process.
 */
static const int allowed[] = {
	SCMP_SYS(accept4),	 SCMP_SYS(brk),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),	 SCMP_SYS(exit),
	SCMP_SYS(exit_group),	 SCMP_SYS(fallocate),
	SCMP_SYS(fdatasync),	 SCMP_SYS(fsync),
	SCMP_SYS(fstat),	 SCMP_SYS(ftruncate),
	SCMP_SYS(futex),	 SCMP_SYS(getpid),
	SCMP_SYS(getrandom),	 SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),	 SCMP_SYS(lseek),
	SCMP_SYS(madvise),	 SCMP_SYS(mlock),
	SCMP_SYS(mremap),	 SCMP_SYS(munlock),
	SCMP_SYS(munmap),	 SCMP_SYS(nanosleep),
	SCMP_SYS(newfstatat),	 SCMP_SYS(poll),
	SCMP_SYS(ppoll),	 SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),	 SCMP_SYS(read),
	SCMP_SYS(recvfrom),	 SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq),		 SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),	 SCMP_SYS(sched_yield),
	SCMP_SYS(sendto),	 SCMP_SYS(set_robust_list),
	SCMP_SYS(time),		 SCMP_SYS(write),
};

/* And what it takes to fork engines, and for those to get ready. */
static const int zygote_too[] = {
	SCMP_SYS(clone),
	SCMP_SYS(clone3),
	SCMP_SYS(close_range),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(fcntl),
	SCMP_SYS(getppid),
	SCMP_SYS(listen),
	SCMP_SYS(mlock2),
	SCMP_SYS(mlockall),
	SCMP_SYS(socketpair),
	SCMP_SYS(prctl),
	SCMP_SYS(prlimit64),
	SCMP_SYS(recvmsg),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(seccomp),
	SCMP_SYS(sendmsg),
	SCMP_SYS(setrlimit),
	SCMP_SYS(setsid),
	SCMP_SYS(set_tid_address),
	SCMP_SYS(tgkill),
	SCMP_SYS(uname),
	SCMP_SYS(wait4),
#ifdef __SANITIZE_ADDRESS__
	/* For a new thread. */
	SCMP_SYS(openat),
	SCMP_SYS(sched_getaffinity),
#endif
};

static int allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

static int fill(scmp_filter_ctx ctx, bool zygote)
{
	int r = allow(ctx, allowed, ARRAY_SIZE(allowed));

#ifdef __SANITIZE_ADDRESS__
	/* Before it ends the process it puts its stack for signals away. */
	if (!r)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(sigaltstack),
				     0);
#endif
	/* No memory is executable that was not when it was loaded. */
	if (!r)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!r)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!r && zygote)
		return allow(ctx, zygote_too, ARRAY_SIZE(zygote_too));
	/* For abort(); all engines have one user and could kill each other. */
	if (!r)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				     SCMP_A0(SCMP_CMP_EQ, getpid()));
	/* The control thread runs already. */
	if (!r)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	return r;
}

static int enter(bool zygote, struct error *err)
{
	scmp_filter_ctx ctx;
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, -errno, VTPM_ERR_ENGINE,
				 "no_new_privs is refused: %m");
	ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		return error_set(err, -ENOMEM, VTPM_ERR_ENGINE,
				 "out of memory for the system call filter");
	r = fill(ctx, zygote);
	if (!r)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_ENGINE,
				 "the system call filter is refused: %s",
				 strerror(-r));
	return 0;
}

int sandbox_enter(struct error *err)
{
	return enter(false, err);
}

int sandbox_enter_zygote(struct error *err)
{
	return enter(true, err);
}
