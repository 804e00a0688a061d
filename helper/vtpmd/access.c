// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is at the other end, by what the kernel says of it. */
#include <stdlib.h>
#include <sys/socket.h>

#include "util/cleanup.h"
#include "vtpmd/server.h"

#define MAX_GROUPS 65536

/* The groups of the peer when it connected. */
static bool peer_in_group(int fd, gid_t gid)
{
	socklen_t len = MAX_GROUPS * sizeof(gid_t);
	_cleanup_free_ gid_t *groups = malloc(len);

	if (!groups ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(gid_t); i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

enum right right_of_peer(int fd, bool have_admin, gid_t admin_gid, uid_t *uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	/* The id that nobody has, and the least rights. */
	*uid = (uid_t)-1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    len != sizeof(cred))
		return RIGHT_READ;
	*uid = cred.uid;
	if (!cred.uid)
		return RIGHT_KEYS;
	if (have_admin &&
	    (cred.gid == admin_gid || peer_in_group(fd, admin_gid)))
		return RIGHT_OPERATE;
	return RIGHT_READ;
}
