/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder that a test has made, and all in it. */
#ifndef VTPM_UTIL_TESTING_TREE_H
#define VTPM_UTIL_TESTING_TREE_H

#include <ftw.h>
#include <stdio.h>

static inline int tree_remove_one(const char *path, const struct stat *st,
				  int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* 0, or -1 with errno set; links are not followed. */
static inline int tree_remove(const char *path)
{
	return nftw(path, tree_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
