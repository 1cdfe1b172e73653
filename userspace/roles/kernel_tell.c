/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel process tells the others. A message that finds nobody is lost without harm: whoever comes back is told all. */
#include "roles/kernel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define PROGRESS_EVERY_MS 250

static void to_audit(struct keeper *s, enum msg_type type, const void *body, const int *fds)
{
	if (s->peers.audit >= 0)
		(void)ipc_send(s->peers.audit, ROLE_KERNEL, ROLE_AUDIT, type, body, fds);
}

static void to_control(struct keeper *s, enum msg_type type, const void *body)
{
	if (s->peers.control >= 0)
		(void)ipc_send(s->peers.control, ROLE_KERNEL, ROLE_CONTROL, type, body, NULL);
}

void tell_audit_rings(struct keeper *s)
{
	struct msg_rings sizes = { 0 };
	struct kernel_rings r;

	if (!s->k || kernel_rings(s->k, &r) < 0)
		return;
	const int fds[] = { r.urgent_fd, r.access_fd, r.counters_fd };

	sizes.urgent_bytes = r.urgent_bytes;
	sizes.access_bytes = r.access_bytes;
	to_audit(s, IPC_RINGS, &sizes, fds);
}

void tell_audit_image(struct keeper *s, const struct held *h)
{
	const struct msg_image m = { .gen = h->gen };

	if (h->fd >= 0)
		to_audit(s, IPC_IMAGE, &m, &h->fd);
}

void tell_audit_unhooked(struct keeper *s)
{
	const struct msg_ask m = { 0 };

	to_audit(s, IPC_UNHOOKED, &m, NULL);
}

void tell_audit_all(struct keeper *s)
{
	/* Images first: events of theirs may be waiting in the rings. */
	tell_audit_image(s, &s->before);
	tell_audit_image(s, &s->active);
	tell_audit_rings(s);
	for (size_t i = 0; i < s->notes_count; i++)
		to_audit(s, IPC_NOTE, &s->notes[i], NULL);
	s->notes_count = 0;
}

void tell_note(struct keeper *s, uint32_t kind, const char *event, const char *note)
{
	struct msg_record rec = { .kind = kind, .uid = UINT32_MAX, .pid = (uint32_t)getpid(), .gen = s->active.gen };

	if (s->active.fd >= 0)
		memcpy(rec.policy_hash, s->active.img.head->policy_hash, sizeof(rec.policy_hash));
	ipc_put(rec.event, sizeof(rec.event), event);
	ipc_put(rec.note, sizeof(rec.note), note);
	if (s->peers.audit >= 0)
		to_audit(s, IPC_NOTE, &rec, NULL);
	else if (s->notes_count < NOTES_MAX)
		s->notes[s->notes_count++] = rec;
}

void tell_admins(struct keeper *s)
{
	struct msg_admins m = { .gen = s->active.gen };

	if (s->active.fd >= 0) {
		m.count = s->active.img.count[PW_SEC_ADMINS];
		if (m.count > MSG_ADMINS_MAX)
			m.count = MSG_ADMINS_MAX; /* apply refuses more; an image of another build is cut */
		memcpy(m.v, s->active.img.admins, m.count * sizeof(m.v[0]));
	}
	to_control(s, IPC_ADMINS, &m);
}

static int64_t revert_utc_s(const struct keeper *s)
{
	uint64_t now_ns = role_now_boot_ns();

	if (!s->revert_at_ns)
		return 0;
	return role_now_utc_s() + (s->revert_at_ns > now_ns ? (int64_t)((s->revert_at_ns - now_ns + 999999999) / 1000000000) : 0);
}

void tell_outcome(struct keeper *s, uint32_t id, const struct err *e)
{
	struct msg_outcome o = { .id = id, .code = e->code, .gen = s->active.gen, .revert_at_utc_s = revert_utc_s(s) };

	if (s->active.fd >= 0) {
		memcpy(o.policy_hash, s->active.img.head->policy_hash, sizeof(o.policy_hash));
		ipc_put(o.name, sizeof(o.name), image_str(&s->active.img, s->active.img.head->name));
		ipc_put(o.version, sizeof(o.version), image_str(&s->active.img, s->active.img.head->policy_version));
	}
	ipc_put(o.text, sizeof(o.text), e->code ? e->text : s->trouble[0] ? s->trouble : guard_words(s)); /* with code 0 it is a warning */
	to_control(s, IPC_OUTCOME, &o);
}

static void count_stores(const struct image *img, struct msg_kernel *m)
{
	uint32_t labels = img->count[PW_SEC_STORES];

	m->stores = labels ? labels - 1 : 0;
	for (uint32_t l = 1; l < labels; l++)
		m->stores_audit += img->cells[l].flags & PW_CELL_AUDIT ? 1 : 0; /* the same in every row */
}

void tell_status(struct keeper *s, uint32_t id)
{
	struct msg_kernel m = { .id = id, .since_utc_s = s->since_utc_s, .revert_at_utc_s = revert_utc_s(s), .revert_gen = s->revert_gen };
	struct kernel_status st = { 0 };
	struct err e = { 0 };

	m.flags = (s->off ? MSG_KERNEL_OFF : 0) | (s->busy ? MSG_KERNEL_BUSY : 0);
	if (s->k && kernel_status(s->k, &st, &e) == 0) {
		m.gen = st.gen;
		m.sum = st.sum;
		m.hooks_attached = st.hooks_attached;
		m.map_bytes = st.map_bytes;
		m.flags |= (st.gen && st.guard & PW_GUARD_ON ? MSG_KERNEL_GUARD : 0) | (st.guard & PW_GUARD_SEALED ? MSG_KERNEL_SEALED : 0);
		if (st.upgrade_until_boot_ns > role_now_boot_ns())
			m.upgrade_left_s = (uint32_t)((st.upgrade_until_boot_ns - role_now_boot_ns() + 999999999) / 1000000000);
		memcpy(m.policy_hash, st.policy_hash, sizeof(m.policy_hash));
	}
	if (s->active.fd >= 0) {
		count_stores(&s->active.img, &m);
		ipc_put(m.name, sizeof(m.name), image_str(&s->active.img, s->active.img.head->name));
		ipc_put(m.version, sizeof(m.version), image_str(&s->active.img, s->active.img.head->policy_version));
	}
	ipc_put(m.text, sizeof(m.text), e.code ? e.text : s->trouble);
	to_control(s, IPC_KERNEL_STATUS, &m);
}

/* During a scan only questions are answered; orders wait in the socket. */
static void answer_questions(struct keeper *s)
{
	struct ipc_head head;
	struct iovec part = { &head, sizeof(head) };

	while (s->peers.control >= 0) {
		_msg_ struct ipc_msg m = IPC_MSG_INIT;
		struct msghdr peek = { .msg_iov = &part, .msg_iovlen = 1 };

		if (recvmsg(s->peers.control, &peek, MSG_PEEK | MSG_DONTWAIT) < (ssize_t)sizeof(head) || head.type != IPC_ASK_KERNEL)
			return;
		if (ipc_recv(s->peers.control, ROLE_CONTROL, ROLE_KERNEL, 0, &m) != 1)
			return;
		tell_status(s, m.body.as_ASK_KERNEL.id);
	}
}

void tell_progress(void *keeper, const char *store, uint64_t scanned)
{
	struct keeper *s = keeper;
	struct msg_progress p = { .id = s->busy_id, .scanned = scanned };
	int64_t now_ms = role_now_ms();

	if (now_ms < s->progress_at_ms)
		return;
	s->progress_at_ms = now_ms + PROGRESS_EVERY_MS;
	ipc_put(p.store, sizeof(p.store), store);
	if (s->busy)
		to_control(s, IPC_PROGRESS, &p);
	answer_questions(s);
	/* A long scan must not let the active policy's windows close. */
	if (now_ms >= s->lease_due_ms)
		keep_leases(s);
}
