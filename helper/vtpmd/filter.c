// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/seccomp.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/io.h"
#include "vtpmd/filter.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define NO(call) SCMP_SYS(call)
#define NAMESPACES                                                     \
	(CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | \
	 CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS)
/* Address families are numbered from 0; there are 46 now. */
#define MAX_FAMILY 64
#define SOCKET_TYPE_MASK 0xf

/*
 * Other processes, name spaces and mounts; interfaces of the kernel that are
 * large, young or for administrators; keyrings, which one user's processes
 * share.
 */
static const int never[] = {
#ifndef __SANITIZE_ADDRESS__
	/* With it the search for leaks stops the threads of a helper. */
	NO(ptrace),
#endif
	NO(process_vm_readv),
	NO(process_vm_writev),
	NO(process_madvise),
	NO(pidfd_getfd),
	NO(kcmp),
	NO(mount),
	NO(umount2),
	NO(mount_setattr),
	NO(open_tree),
	NO(move_mount),
	NO(fsopen),
	NO(fsconfig),
	NO(fsmount),
	NO(fspick),
	NO(pivot_root),
	NO(chroot),
	NO(unshare),
	NO(setns),
	NO(bpf),
	NO(perf_event_open),
	NO(userfaultfd),
	NO(io_uring_setup),
	NO(io_uring_enter),
	NO(io_uring_register),
	NO(keyctl),
	NO(add_key),
	NO(request_key),
	NO(init_module),
	NO(finit_module),
	NO(delete_module),
	NO(kexec_load),
	NO(kexec_file_load),
	NO(reboot),
	NO(swapon),
	NO(swapoff),
	NO(acct),
	NO(syslog),
	NO(quotactl),
	NO(settimeofday),
	NO(clock_settime),
	NO(clock_adjtime),
	NO(adjtimex),
	NO(sethostname),
	NO(setdomainname),
	NO(iopl),
	NO(ioperm),
	NO(modify_ldt),
	NO(personality),
	NO(vhangup),
	NO(open_by_handle_at),
	NO(name_to_handle_at),
	NO(fanotify_init)
};

/* abort() and raise() are tgkill(), which so has to stay. */
static const int strictly[] = { NO(kill),
				NO(tkill),
				NO(rt_sigqueueinfo),
				NO(rt_tgsigqueueinfo),
				NO(pidfd_send_signal),
				NO(shmget),
				NO(shmat),
				NO(semget),
				NO(msgget),
				NO(mq_open) };

static const int serving[] = { NO(bind), NO(listen), NO(accept), NO(accept4) };

/* SCMP_A0() and the like leave a member out, of which clang warns. */
static struct scmp_arg_cmp is(unsigned int arg, enum scmp_compare op,
			      scmp_datum_t value)
{
	return (struct scmp_arg_cmp){ arg, op, value, 0 };
}

/* The argument's bits of @mask are @value. */
static struct scmp_arg_cmp bits(unsigned int arg, uint32_t mask, uint32_t value)
{
	return (struct scmp_arg_cmp){ arg, SCMP_CMP_MASKED_EQ, mask, value };
}

static int deny_all(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
		/* Not on this architecture. */
		if (r == -EDOM)
			r = 0;
	}
	return r;
}

/* Two comparisons of an argument do not go into one rule: one for each value. */
static int deny_families(scmp_filter_ctx ctx, enum filter_sockets sockets)
{
	const uint32_t no = SCMP_ACT_ERRNO(EAFNOSUPPORT);
	int r = seccomp_rule_add(ctx, no, NO(socket), 1,
				 is(0, SCMP_CMP_GE, MAX_FAMILY));

	for (int f = 0; !r && f < MAX_FAMILY; f++) {
		if (f == AF_INET || f == AF_INET6 ||
		    (f == AF_UNIX && sockets == SOCKETS_LOCAL_TOO))
			continue;
		r = seccomp_rule_add(ctx, no, NO(socket), 1,
				     is(0, SCMP_CMP_EQ, f));
	}
	return r;
}

static int deny_types(scmp_filter_ctx ctx)
{
	/* Both rules may fit, and which counts is not said: the same errno. */
	const uint32_t no = SCMP_ACT_ERRNO(EAFNOSUPPORT);
	int r = seccomp_rule_add(ctx, no, NO(socket), 1,
				 is(2, SCMP_CMP_GT, IPPROTO_UDP));

	for (int t = 0; !r && t <= SOCKET_TYPE_MASK; t++) {
		if (t == SOCK_STREAM || t == SOCK_DGRAM)
			continue;
		r = seccomp_rule_add(ctx, no, NO(socket), 1,
				     bits(1, SOCKET_TYPE_MASK, t));
	}
	return r;
}

static int deny_sockets(scmp_filter_ctx ctx, enum filter_sockets sockets)
{
	int r;

	if (sockets == SOCKETS_NONE)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT),
				     NO(socket), 0);
	else
		r = deny_families(ctx, sockets);
	if (!r && sockets == SOCKETS_INTERNET)
		r = deny_types(ctx);
	if (!r && sockets != SOCKETS_LOCAL_TOO)
		r = deny_all(ctx, serving, N(serving));
	return r;
}

/* Threads are all that is made; what is forked would outlive the request. */
static int deny_processes(scmp_filter_ctx ctx)
{
	static const int forks[] = { NO(fork), NO(vfork) };
	int r = deny_all(ctx, forks, N(forks));

#ifndef __SANITIZE_ADDRESS__
	/* With it the search for leaks is a process. */
	if (!r)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), NO(clone), 1,
				     bits(0, CLONE_THREAD, 0));
#endif
	return r;
}

static int fill(scmp_filter_ctx ctx, enum filter_sockets sockets, int strict)
{
	/* What is put into a terminal is typed by somebody else. */
	static const unsigned int typing[] = { TIOCSTI, TIOCLINUX };
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
				 SCMP_ACT_KILL_PROCESS);

	if (!r)
		r = deny_all(ctx, never, N(never));
	if (!r && strict)
		r = deny_all(ctx, strictly, N(strictly));
	if (!r && strict)
		r = deny_processes(ctx);
	/* Its flags are in memory, where no filter can look. */
	if (!r)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), NO(clone3),
				     0);
	for (uint32_t f = 1; !r && f; f <<= 1) {
		if (f & NAMESPACES)
			r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
					     NO(clone), 1, bits(0, f, f));
	}
	for (size_t i = 0; !r && i < N(typing); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), NO(ioctl), 1,
				     bits(1, UINT32_MAX, typing[i]));
	return r ? r : deny_sockets(ctx, sockets);
}

/* libseccomp 2.5 writes a program to descriptors only. */
static int export(scmp_filter_ctx ctx, struct sock_fprog *out)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	_cleanup_free_ struct sock_filter *code = NULL;
	struct stat st;
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(ctx, fd);
	if (!r && fstat(fd, &st) < 0)
		r = -errno;
	if (r)
		return r;
	if (!st.st_size || st.st_size % sizeof(*code) ||
	    st.st_size / sizeof(*code) > BPF_MAXINSNS)
		return -EINVAL;
	code = malloc(st.st_size);
	if (!code)
		return -ENOMEM;
	r = pread_full(fd, code, st.st_size, 0);
	if (r)
		return r;
	out->len = st.st_size / sizeof(*code);
	out->filter = TAKE_PTR(code);
	return 0;
}

static int make(enum filter_sockets sockets, int strict, struct sock_fprog *out)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r = ctx ? fill(ctx, sockets, strict) : -ENOMEM;

	if (!r)
		r = export(ctx, out);
	seccomp_release(ctx);
	return r;
}

static int copy(const struct sock_fprog *from, struct sock_fprog *out)
{
	size_t size = from->len * sizeof(*from->filter);
	struct sock_filter *code = malloc(size);

	if (!code)
		return -ENOMEM;
	memcpy(code, from->filter, size);
	*out = (struct sock_fprog){ .len = from->len, .filter = code };
	return 0;
}

int filter_new(enum filter_sockets sockets, int strict, struct sock_fprog *out,
	       struct error *err)
{
	/* The lock is libseccomp's, too, which remembers things. */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	/* The same each time, and making one takes a while. */
	static struct sock_fprog made[SOCKETS_COUNT][2];
	struct sock_fprog *f = &made[sockets][!!strict];
	int r = 0;

	pthread_mutex_lock(&lock);
	if (!f->len)
		r = make(sockets, strict, f);
	if (!r)
		r = copy(f, out);
	pthread_mutex_unlock(&lock);
	if (r)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 "cannot make a system call filter: %s",
				 strerror(-r));
	return 0;
}

void filter_free(struct sock_fprog *f)
{
	free(f->filter);
	*f = (struct sock_fprog){ 0 };
}

int filter_enter(const struct sock_fprog *f)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, f);
}
