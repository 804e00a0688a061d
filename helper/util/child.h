/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process does between its fork and its own work. Only what is
 * async-signal-safe: the parent may have had threads.
 */
#ifndef VTPM_UTIL_CHILD_H
#define VTPM_UTIL_CHILD_H

#include <stddef.h>
#include <sys/types.h>

/* More descriptors no program of ours is handed. */
#define CHILD_MAX_FDS 10
/* Above every number that a program gets a descriptor under. */
#define CHILD_SAFE_FD (2 * CHILD_MAX_FDS)

/*
 * Until it can be found by the next manager a process ends with this one, and
 * takes no lock with it. 0, or -1 with errno: ECHILD if @parent has ended.
 */
int child_ends_with(pid_t parent);

/*
 * From here on it can be found and outlives its parent; whoever connects sees
 * its pid and user in SO_PEERCRED. Negative: there is nothing to listen on.
 */
int child_listen(int fd);

/* @fds become 0, 1, 2, ...; what was there is closed, the rest stays open. */
int child_place_fds(const int *fds, size_t n);

#endif
