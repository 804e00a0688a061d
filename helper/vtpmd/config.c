// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/log.h"
#include "vtpmd/config.h"

#define ENGINE_USER "vtpm"
#define KEYS_USER "vtpm-keys"
#define CA_USER "vtpm-ca"
#define ADMIN_GROUP "vtpm-admin"
#define LOCK_TRIES 60 /* in 3 seconds */

static int find_user(const char *name, struct account *out, struct error *err)
{
	const struct passwd *pw = getpwnam(name);

	if (!pw)
		return error_set(err, -ENOENT, VTPM_ERR_INTERNAL,
				 "there is no user %s; make it with: "
				 "systemd-sysusers vtpm.conf",
				 name);
	if (!pw->pw_uid || !pw->pw_gid)
		return error_set(err, -EPERM, VTPM_ERR_INTERNAL,
				 "user %s is root or of root's group; helpers "
				 "would run with all rights",
				 name);
	*out = (struct account){ name, pw->pw_uid, pw->pw_gid };
	return 0;
}

static int check_apart(const struct account *a, const struct account *b,
		       struct error *err)
{
	if (a->uid != b->uid)
		return 0;
	return error_set(err, -EPERM, VTPM_ERR_INTERNAL,
			 "users %s and %s have the same id", a->name, b->name);
}

int config_find_accounts(struct config *cfg, struct error *err)
{
	const struct group *gr;
	int r = find_user(ENGINE_USER, &cfg->engine_user, err);

	if (!r)
		r = find_user(KEYS_USER, &cfg->keys_user, err);
	if (!r)
		r = find_user(CA_USER, &cfg->ca_user, err);
	if (r < 0)
		return r;
	/* A guest that gets an engine must not get the keys with it. */
	r = check_apart(&cfg->engine_user, &cfg->keys_user, err);
	if (!r)
		r = check_apart(&cfg->engine_user, &cfg->ca_user, err);
	if (r < 0)
		return r;
	gr = getgrnam(ADMIN_GROUP);
	cfg->have_admin = gr != NULL;
	if (gr)
		cfg->admin_gid = gr->gr_gid;
	else
		log_notice(
			"there is no group %s: only root may change anything",
			ADMIN_GROUP);
	return 0;
}

/* Make the directory if there is none, set its mode, and open it. */
static int open_dir(int at, const char *path, mode_t mode, int *out,
		    struct error *err)
{
	int fd;

	if (mkdirat(at, path, mode) < 0 && errno != EEXIST)
		goto fail;
	fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		goto fail;
	*out = fd;
	if (fchmod(fd, mode) < 0)
		goto fail;
	return 0;
fail:
	return error_set(err, -errno, VTPM_ERR_STORAGE, "directory %s: %s",
			 path, strerror(errno));
}

/*
 * A child of one that was killed may have the lock, too, from its fork() to its
 * end or execve().
 */
static int take_lock(int fd)
{
	const struct timespec pause = { .tv_nsec = 50000000 };

	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK || i == LOCK_TRIES)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int lock_run_dir(struct config *cfg, struct error *err)
{
	int r;

	cfg->lock_fd =
		openat(cfg->run_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (cfg->lock_fd < 0)
		return error_set(err, -errno, VTPM_ERR_STORAGE, "%s/lock: %s",
				 cfg->run_dir, strerror(errno));
	r = take_lock(cfg->lock_fd);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_IN_USE,
				 "another vtpmd runs with %s; stop it first",
				 cfg->run_dir);
	return 0;
}

int config_open(struct config *cfg, struct error *err)
{
	int r;

	/* The helper users pass through to their own part, and list nothing. */
	r = open_dir(AT_FDCWD, cfg->run_dir, 0755, &cfg->run_fd, err);
	if (!r)
		r = lock_run_dir(cfg, err);
	if (!r)
		r = open_dir(AT_FDCWD, cfg->state_dir, 0711, &cfg->state_fd,
			     err);
	if (!r)
		r = open_dir(cfg->run_fd, "engine", 0700, &cfg->engine_fd, err);
	if (!r)
		r = open_dir(cfg->run_fd, "checkpoint", 0700,
			     &cfg->checkpoint_fd, err);
	snprintf(cfg->ephemeral_dir, sizeof(cfg->ephemeral_dir), "%s/ephemeral",
		 cfg->run_dir);
	if (!r)
		r = open_dir(cfg->run_fd, "ephemeral", 0711, &cfg->ephemeral_fd,
			     err);
	if (!r)
		r = open_dir(cfg->state_fd, "providers", 0700,
			     &cfg->providers_fd, err);
	if (!r)
		r = open_dir(cfg->state_fd, "keys", 0711, &cfg->keys_fd, err);
	if (!r)
		r = open_dir(cfg->state_fd, "ca", 0700, &cfg->ca_fd, err);
	if (!r)
		r = open_dir(cfg->state_fd, "identity", 0700, &cfg->identity_fd,
			     err);
	if (!r)
		r = open_dir(cfg->ephemeral_fd, "identity", 0700,
			     &cfg->ephemeral_identity_fd, err);
	return r;
}

void config_close(struct config *cfg)
{
	int *const fds[] = { &cfg->keys_fd,
			     &cfg->providers_fd,
			     &cfg->engine_fd,
			     &cfg->checkpoint_fd,
			     &cfg->ephemeral_fd,
			     &cfg->state_fd,
			     &cfg->run_fd,
			     &cfg->lock_fd,
			     &cfg->ca_fd,
			     &cfg->identity_fd,
			     &cfg->ephemeral_identity_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

int config_find_program(const struct config *cfg, const char *name,
			char path[PATH_MAX], struct error *err)
{
	/* Where it was built; where it was installed; where it always may be.
	 */
	const char *const dirs[][2] = { { cfg->self_dir, "" },
					{ cfg->self_dir, "/../libexec/vtpm" },
					{ DEFAULT_LIBEXEC_DIR, "" } };
	int n;

	if (cfg->libexec_dir) {
		n = snprintf(path, PATH_MAX, "%s/%s", cfg->libexec_dir, name);
		if (n < PATH_MAX && !access(path, X_OK))
			return 0;
		return error_set(err, -ENOENT, VTPM_ERR_INTERNAL,
				 "there is no program %s in %s", name,
				 cfg->libexec_dir);
	}
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		n = snprintf(path, PATH_MAX, "%s%s/%s", dirs[i][0], dirs[i][1],
			     name);
		if (n < PATH_MAX && !access(path, X_OK))
			return 0;
	}
	return error_set(
		err, -ENOENT, VTPM_ERR_INTERNAL,
		"there is no program %s in %s, %s/../libexec/vtpm or %s", name,
		cfg->self_dir, cfg->self_dir, DEFAULT_LIBEXEC_DIR);
}
