// SPDX-License-Identifier: GPL-2.0-or-later
/* The vTPMs and providers that the manager knows, by their names. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vtpmd/manager.h"
#include "vtpmd/registry.h"
#include "vtpmd/standby.h"

int name_check(const char *name, struct error *err)
{
	if (name_valid(name))
		return 0;
	/* The name is not repeated: nobody knows what is in it. */
	return error_set(err, -EINVAL, VTPM_ERR_INVALID,
			 "that is not a name: 1 to %d letters, digits, dots, "
			 "underscores and hyphens, the first neither dot nor "
			 "hyphen",
			 NAME_MAX_LEN);
}

struct provider *manager_find_provider(struct manager *m, const char *name)
{
	struct provider *p;

	TAILQ_FOREACH(p, &m->providers, link) {
		if (!p->new && !strcmp(p->name, name))
			return p;
	}
	return NULL;
}

struct provider *manager_default_provider(struct manager *m)
{
	struct provider *p, *only = NULL;
	unsigned int n = 0;

	TAILQ_FOREACH(p, &m->providers, link) {
		if (p->new)
			continue;
		if (p->is_default)
			return p;
		only = p;
		n++;
	}
	return n == 1 ? only : NULL;
}

struct provider *manager_add_provider(struct manager *m, const char *name)
{
	struct provider *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	snprintf(p->name, sizeof(p->name), "%s", name);
	TAILQ_INSERT_TAIL(&m->providers, p, link);
	return p;
}

void manager_free_provider(struct manager *m, struct provider *p)
{
	standby_forget(m->config.standby, p->name);
	TAILQ_REMOVE(&m->providers, p, link);
	free(p);
}

static struct vtpm *find_loaded(struct manager *m, const char *name)
{
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (!strcmp(v->name, name))
			return v;
	}
	return NULL;
}

struct vtpm *manager_find(struct manager *m, const char *name,
			  struct error *err)
{
	struct vtpm *v;
	char file[FILE_NAME_LEN];

	if (name_check(name, err) < 0)
		return NULL;
	v = find_loaded(m, name);
	if (v && v->new) {
		error_set(err, -EBUSY, VTPM_ERR_BUSY,
			  "vTPM %s is being made; wait for it", name);
		return NULL;
	}
	if (v)
		return v;
	/* A backup that was put there while we run. */
	registry_file(name, NULL, file);
	if (faccessat(registry_folder_of(&m->config, name).fd, file, F_OK,
		      AT_SYMLINK_NOFOLLOW) < 0) {
		error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
			  "there is no vTPM %s; see: vtpmctl list", name);
		return NULL;
	}
	v = vtpm_new(m, name);
	if (!v) {
		error_set(err, -ENOMEM, VTPM_ERR_INTERNAL, "out of memory");
		return NULL;
	}
	vtpm_load(v);
	monitor_event(m, "created", name, NULL, NULL, NULL);
	return v;
}

int manager_reserve_name(struct manager *m, const char *name, struct vtpm **out,
			 struct error *err)
{
	struct error found = { 0 };
	int r = name_check(name, err);

	if (r < 0)
		return r;
	if (manager_find(m, name, &found))
		return error_set(err, -EEXIST, VTPM_ERR_EXISTS,
				 "there is a vTPM %s already; choose another "
				 "name, or see: vtpmctl show %s",
				 name, name);
	/* It may also be one that is being made just now. */
	if (found.errnum != -ENOENT) {
		if (err)
			*err = found;
		return found.errnum;
	}
	*out = vtpm_new(m, name);
	if (!*out)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	(*out)->new = true;
	(*out)->state = VTPM_STARTING;
	return 0;
}
