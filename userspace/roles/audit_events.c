/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's events to records. Denials are on disk before anything else is read; the rest is committed in groups. An event leaves
 * its ring when its record is on disk, not before: a reader that is killed loses nothing. Never believes an event's numbers: what
 * does not fit its image is left out of the record.
 */
#include "roles/audit.h"

#include <errno.h>
#include <string.h>

#define URGENT_BATCH 256
#define ACCESS_BATCH 1024
#define HELD_BYTES   (PW_ACCESS_BYTES / 4) /* so much of the ring may wait for its commit */

static const struct image *image_of(const struct sink *s, uint32_t gen)
{
	const struct held *h = &s->images[gen % PW_GENERATIONS];

	return h->fd >= 0 && h->gen == gen ? &h->img : NULL;
}

static int take_event(void *ctx, const void *bytes, size_t len_bytes)
{
	struct sink *s = ctx;
	const struct pw_event *ev = bytes; /* where it lies: the kernel has let go of it, and changes it no more */
	struct err e;
	int r;

	/* Not of this ABI: its number stays missing, and so becomes a gap record. An event may end behind its names. */
	if (len_bytes < PW_EVENT_HEAD || len_bytes > sizeof(*ev) || (uintptr_t)bytes % _Alignof(struct pw_event) ||
	    ev->names_len > len_bytes - PW_EVENT_HEAD)
		return 0;
	r = audit_append_event(s->log, ev, image_of(s, ev->gen), &e);
	/* One that cannot be kept is a gap from here on; only a full memory is a reason to stop reading. */
	return r == -ENOMEM || r == -ENOSPC || r == -EDQUOT || r == -EIO || r == -EFBIG ? r : 0;
}

void sink_drain(struct sink *s)
{
	struct err e;

	for (int round = 0; round < 64; round++) {
		int urgent = ring_read(s->urgent, URGENT_BATCH, take_event, s);
		/* What came before a denial on its CPU stands in the other ring: read it in the same go, so that order is kept. */
		int access = urgent < 0 ? 0 : ring_read(s->access, ACCESS_BATCH, take_event, s);

		if (urgent != 0 || access < 0 || ring_held_bytes(s->access) >= HELD_BYTES)
			if (sink_commit(s, &e) < 0)
				return;
		if (urgent <= 0 && access < ACCESS_BATCH)
			return;
	}
}

bool sink_holds(const struct sink *s)
{
	return s->access && ring_held_bytes(s->access);
}

void sink_release(struct sink *s)
{
	if (!s->urgent)
		return;
	ring_release(s->urgent);
	ring_release(s->access);
}

static void close_rings(struct sink *s)
{
	ring_close(s->urgent);
	ring_close(s->access);
	s->urgent = s->access = NULL;
}

void sink_unhook(struct sink *s)
{
	struct err e;

	if (!s->urgent)
		return;
	sink_drain(s);
	close_rings(s);
	/* The counts end with the programs. */
	if (audit_restart_cpu_seqs(s->log, &e) < 0)
		role_say(ROLE_AUDIT, "%s", e.text);
	(void)sink_commit(s, &e);
}

int sink_rings(struct sink *s, struct ipc_msg *m, struct err *e)
{
	const struct msg_rings *sizes = &m->body.as_RINGS;
	struct ring *urgent = NULL, *access = NULL;
	int r = ring_open(m->fds[0], sizes->urgent_bytes, &urgent, e);

	if (r == 0)
		r = ring_open(m->fds[1], sizes->access_bytes, &access, e);
	if (r < 0) {
		if (urgent)
			ring_close(urgent);
		return err_wrap(e, "cannot read the kernel's events");
	}
	if (s->urgent) {
		struct err later;

		(void)sink_commit(s, &later); /* or what is held would be read again: that is known then, and left out */
		close_rings(s);
	}
	s->urgent = urgent;
	s->access = access;
	return 0;
}

void sink_image(struct sink *s, struct ipc_msg *m)
{
	struct held h = HELD_INIT;
	struct err e;

	if (held_from_fd(take_fd(m->fds[0]), &h, &e) < 0) {
		role_say(ROLE_AUDIT, "records of generation %u will have no names: %s", m->body.as_IMAGE.gen, e.text);
		return;
	}
	h.gen = m->body.as_IMAGE.gen;
	/* On disk before the first record that it decides. */
	if (audit_archive_policy(s->log, h.bytes, h.len_bytes, &e) < 0)
		role_say(ROLE_AUDIT, "%s; records of generation %u cannot be replayed later", e.text, h.gen);
	audit_forget_names(s->log);
	held_move(&s->images[h.gen % PW_GENERATIONS], &h);
}
