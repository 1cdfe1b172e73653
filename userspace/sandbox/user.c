/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system users that roles run as, from /etc/passwd itself. Must not go through the name service: it would load libraries
 * into processes that are linked statically so that nobody can bring code into them.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

int sandbox_user(const char *name, uid_t *ret_uid, gid_t *ret_gid, struct err *e)
{
	_file_ FILE *f = fopen("/etc/passwd", "re");
	struct passwd pw, *found = NULL;
	char room[4096];

	if (!f)
		return err_set(e, -errno, "open /etc/passwd");
	do {
		if (fgetpwent_r(f, &pw, room, sizeof(room), &found))
			return err_say(e, -ENOENT, "there is no user %s in /etc/passwd; create it: systemd-sysusers, or: "
				       "useradd --system --home-dir / --shell /usr/sbin/nologin %s", name, name);
	} while (strcmp(found->pw_name, name) != 0);
	if (found->pw_uid == 0)
		return err_say(e, -EPERM, "the user %s has the number of root; a role must not run as root", name);
	*ret_uid = found->pw_uid;
	*ret_gid = found->pw_gid;
	return 0;
}
