/* SPDX-License-Identifier: Apache-2.0 */
/* See users.h. Must never be asked where the host's names do not count (--root). */
#include "cli/users.h"

#include <pwd.h>
#include <stdio.h>

const char *users_name(void *users, uint32_t uid)
{
	struct users *all = users;
	size_t at = uid % USERS_KEPT;
	const struct passwd *entry;

	if (!all->v[at].known || all->v[at].uid != uid) {
		entry = getpwuid(uid);
		(void)snprintf(all->v[at].name, sizeof(all->v[at].name), "%s", entry ? entry->pw_name : "");
		all->v[at].uid = uid;
		all->v[at].known = true;
	}
	return all->v[at].name[0] ? all->v[at].name : NULL;
}
