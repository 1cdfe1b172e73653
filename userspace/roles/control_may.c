/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may give which order: root alone while no policy says otherwise, and with an admin block exactly its members. Decides on the
 * credentials that the kernel vouches for, never on anything that a client says.
 */
#include "roles/control.h"

#include <errno.h>

static bool in_group(const struct client *cl, uint32_t gid)
{
	if (cl->gid == gid)
		return true;
	for (size_t i = 0; i < cl->groups_count; i++)
		if (cl->groups[i] == gid)
			return true;
	return false;
}

bool may(const struct control *c, const struct client *cl, uint32_t right)
{
	/* Until polyward-kernel has said what is enforced, a member of an admin block cannot be told from anybody else; nor can it
	 * be known that there is none. */
	if (!c->admins_known)
		return false;
	if (!c->admins.count)
		return cl->uid == 0;
	for (uint32_t i = 0; i < c->admins.count; i++) {
		const struct pw_img_admin *a = &c->admins.v[i];

		if (!(a->may & right))
			continue;
		if ((a->kind == PW_ATTR_UID && a->id == cl->uid) || (a->kind == PW_ATTR_GID && in_group(cl, a->id)))
			return true;
	}
	return false;
}

void may_not(struct control *c, struct client *cl, const char *what)
{
	struct msg_record rec = { .kind = PW_REC_POLICY, .uid = cl->uid, .pid = (uint32_t)cl->pid };
	int64_t now_ms = role_now_ms();

	if (!c->admins_known) {
		client_end(cl, -EAGAIN, "polyward-kernel has not said yet who may %s; try again in a moment", what);
		return;
	}
	if (now_ms - c->refusal_at_ms >= 1000 && c->peers.audit >= 0) {
		c->refusal_at_ms = now_ms;
		ipc_put(rec.event, sizeof(rec.event), "not-permitted");
		ipc_put(rec.note, sizeof(rec.note), what);
		/* Its answer finds no client, which is right: nobody waits for it. */
		(void)ipc_send(c->peers.audit, ROLE_CONTROL, ROLE_AUDIT, IPC_RECORD, &rec, NULL);
	}
	if (c->admins.count)
		client_end(cl, -EPERM, "you (uid %u) may not %s: the policy's admin block does not name you for it", cl->uid, what);
	else
		client_end(cl, -EPERM, "you (uid %u) may not %s: root alone may, until a policy's admin block says otherwise", cl->uid, what);
}
