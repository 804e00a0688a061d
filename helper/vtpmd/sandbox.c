// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/sandbox.h"

/* A configuration names a few files; more are not looked at. */
#define MAX_NAMED 32

/*
 * What the types of ours need. Any other type may have its keys anywhere: in
 * the network, behind a device, with a daemon.
 */
static const struct profile {
	const char *type;
	enum filter_sockets sockets;
	bool strict; /* sees the system's programs and settings, and its own */
	bool resolves; /* host names */
} profiles[] = {
	{ "native", SOCKETS_NONE, true, false },
	{ "kmip", SOCKETS_INTERNET, true, true },
	{ NULL, SOCKETS_LOCAL_TOO, false, false },
};

static const struct profile *find_profile(const char *type)
{
	const struct profile *p = profiles;

	while (p->type && strcmp(p->type, type))
		p++;
	return p;
}

static int allow_paths(const struct landlock *l, const char *const *paths,
		       unsigned int rights)
{
	int r = 0;

	for (; !r && *paths; paths++)
		r = landlock_allow(l, AT_FDCWD, *paths, rights);
	return r;
}

/* What a program needs to be loaded and to run, and nothing of ours. */
static int allow_system(const struct landlock *l, const char *program)
{
	static const char *const code[] = { "/usr", "/lib",  "/lib32", "/lib64",
					    "/bin", "/sbin", NULL };
	static const char *const readable[] = { "/etc",	       "/proc",
						"/dev/random", "/dev/urandom",
						"/dev/zero",   NULL };
	int r = allow_paths(l, code, LANDLOCK_READ | LANDLOCK_EXECUTE);

	if (!r)
		r = allow_paths(l, readable, LANDLOCK_READ);
	if (!r)
		r = landlock_allow(l, AT_FDCWD, "/dev/null",
				   LANDLOCK_READ | LANDLOCK_WRITE);
	if (!r)
		r = landlock_allow(l, AT_FDCWD, program,
				   LANDLOCK_READ | LANDLOCK_EXECUTE);
	return r;
}

/* Where links from /etc/resolv.conf lead to. */
static int allow_resolver(const struct landlock *l)
{
	static const char *const paths[] = { "/run/systemd/resolve",
					     "/run/resolvconf",
					     "/run/NetworkManager", NULL };

	return allow_paths(l, paths, LANDLOCK_READ);
}

/* A directory would be too much for a slip of the pen. */
static int allow_file(const struct landlock *l, const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return landlock_allow_fd(l, fd, LANDLOCK_READ);
}

/* Files whose absolute path is a text in the configuration. */
static int allow_named(const struct landlock *l, const json_t *config)
{
	unsigned int left = MAX_NAMED;
	const char *name;
	json_t *v;
	int r = 0;

	json_object_foreach((json_t *)config, name, v) {
		const char *path = json_string_value(v);

		if (!r && path && path[0] == '/' && left && left--)
			r = allow_file(l, path);
	}
	return r;
}

static int path_of_fd(int fd, char out[PATH_MAX])
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	return 0;
}

/* Everything but what is the manager's. */
static int allow_rest(const struct landlock *l, const struct config *cfg)
{
	char state[PATH_MAX], run[PATH_MAX];
	const char *const hidden[] = { state, run };
	int r = path_of_fd(cfg->state_fd, state);

	if (!r)
		r = path_of_fd(cfg->run_fd, run);
	return r ? r : landlock_allow_all_but(l, hidden, 2);
}

static int no_view(int r, struct error *err)
{
	return error_set(err, r, VTPM_ERR_INTERNAL,
			 "cannot make a Landlock ruleset: %s", strerror(-r));
}

static int new_view(bool isolate, struct landlock *out, struct error *err)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	int r = landlock_new(isolate, out);

	if (r)
		return no_view(r, err);
	if (out->fd < 0 && !atomic_flag_test_and_set(&told))
		log_notice("this kernel has no Landlock: key providers are "
			   "kept from one another's files by nothing");
	return 0;
}

static int provider_view(const struct config *cfg, const struct profile *p,
			 const char *path, int dir_fd, const json_t *config,
			 const struct landlock *l)
{
	int r = allow_system(l, path);

	if (!r)
		r = landlock_allow_fd(l, dir_fd,
				      LANDLOCK_READ | LANDLOCK_WRITE);
	if (!r)
		r = allow_named(l, config);
	if (!r && p->resolves)
		r = allow_resolver(l);
	if (!r && !p->strict)
		r = allow_rest(l, cfg);
	return r;
}

int sandbox_for_provider(const struct config *cfg, const char *type,
			 const char *path, int dir_fd, const json_t *config,
			 struct sandbox *out, struct error *err)
{
	const struct profile *p = find_profile(type);
	struct sandbox s = { 0 };
	int r = filter_new(p->sockets, p->strict, &s.filter, err);

	if (r)
		return r;
	r = new_view(p->strict, &s.view, err);
	if (!r) {
		r = provider_view(cfg, p, path, dir_fd, config, &s.view);
		if (r)
			no_view(r, err);
	}
	if (r)
		sandbox_free(&s);
	else
		*out = s;
	return r;
}

int sandbox_for_identity(const char *path, struct sandbox *out,
			 struct error *err)
{
	struct sandbox s = { 0 };
	int r = filter_new(SOCKETS_NONE, true, &s.filter, err);

	if (r)
		return r;
	r = new_view(true, &s.view, err);
	if (!r) {
		r = allow_system(&s.view, path);
		if (r)
			no_view(r, err);
	}
	if (r)
		sandbox_free(&s);
	else
		*out = s;
	return r;
}

void sandbox_free(struct sandbox *s)
{
	filter_free(&s->filter);
	landlock_close(&s->view);
}
