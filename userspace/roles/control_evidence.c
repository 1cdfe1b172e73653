/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions and acts that concern the log as evidence, on their way to polyward-audit: who asks is filled in here, from what the kernel
 * vouches for. A record about oneself may be asked for by everybody; the rest needs a right.
 */
#include "roles/control.h"

#include <errno.h>
#include <string.h>

#define EVENT_REST_MS 250 /* between two records that are shown to people without a right: looking costs polyward-audit time */

static void pass(struct control *c, struct client *cl, enum step step, enum msg_type type, const void *body)
{
	cl->step = step;
	if (c->peers.audit < 0 || ipc_send(c->peers.audit, ROLE_CONTROL, ROLE_AUDIT, type, body, NULL) < 0)
		client_end(cl, -EAGAIN, "polyward-audit is not running; try again in a moment");
}

static void begin_event(struct control *c, struct client *cl, const struct msg_event *m)
{
	bool all = may(c, cl, PW_MAY_READ_LOG);
	const struct msg_event ask = { .id = cl->id, .uid = cl->uid, .pid = (uint32_t)cl->pid, .all = all, .seq = m->seq };
	int64_t now_ms = role_now_ms();

	/* A uid that means everybody is nobody's. */
	if (!all && cl->uid == UINT32_MAX) {
		may_not(c, cl, "look at a record");
		return;
	}
	if (!all && now_ms - c->event_at_ms < EVENT_REST_MS) {
		client_end(cl, -EBUSY, "somebody else is just being shown a record; try again in a moment");
		return;
	}
	if (!all)
		c->event_at_ms = now_ms;
	pass(c, cl, STEP_EVENT, IPC_ASK_EVENT, &ask);
}

static void begin_evidence(struct control *c, struct client *cl, const struct msg_evidence *m)
{
	struct msg_evidence ask = *m;

	if (!may(c, cl, PW_MAY_READ_LOG)) {
		may_not(c, cl, "have it recorded that something was made from the log");
		return;
	}
	ask.id = cl->id;
	ask.uid = cl->uid;
	ask.pid = (uint32_t)cl->pid;
	pass(c, cl, STEP_EVIDENCE, IPC_EVIDENCE, &ask);
}

/* The right that ends enforcement is the one that destroys, too: both cannot be taken back by whoever comes later. */
static void begin_erase(struct control *c, struct client *cl, const struct msg_erase *m)
{
	struct msg_erase ask = *m;

	if (!may(c, cl, PW_MAY_DOWN)) {
		may_not(c, cl, "destroy a key of the log");
		return;
	}
	ask.id = cl->id;
	ask.uid = cl->uid;
	ask.pid = (uint32_t)cl->pid;
	pass(c, cl, STEP_EVIDENCE, IPC_ERASE, &ask);
}

static void begin_cosign(struct control *c, struct client *cl, const struct msg_cosign *m)
{
	struct msg_cosign ask = *m;

	if (!may(c, cl, PW_MAY_READ_LOG)) {
		may_not(c, cl, "hand in a witness's signature");
		return;
	}
	ask.id = cl->id;
	ask.uid = cl->uid;
	pass(c, cl, STEP_EVIDENCE, IPC_COSIGN, &ask);
}

int evidence_begin(struct control *c, struct client *cl, struct ipc_msg *m)
{
	switch ((int)m->type) {
	case IPC_DO_EVENT:
		begin_event(c, cl, &m->body.as_DO_EVENT);
		return 0;
	case IPC_DO_EVIDENCE:
		begin_evidence(c, cl, &m->body.as_DO_EVIDENCE);
		return 0;
	case IPC_DO_ERASE:
		begin_erase(c, cl, &m->body.as_DO_ERASE);
		return 0;
	case IPC_DO_COSIGN:
		begin_cosign(c, cl, &m->body.as_DO_COSIGN);
		return 0;
	default:
		return -EBADMSG;
	}
}

bool evidence_recorded(struct control *c, struct msg_recorded *r)
{
	struct client *cl = client_of(c, r->id, STEP_EVIDENCE);

	if (!cl)
		cl = client_of(c, r->id, STEP_EVENT);
	if (!cl)
		return false;
	client_end(cl, r->code, "%s", ipc_text(r->text, sizeof(r->text)));
	return true;
}

void evidence_event(struct control *c, struct ipc_msg *m)
{
	struct client *cl = client_of(c, m->body.as_EVENT.id, STEP_EVENT);
	const struct msg_shown shown = { .erased = m->body.as_EVENT.erased };

	if (!cl)
		return;
	client_say(cl, IPC_SAY_EVENT, &shown, m->fds);
	client_end(cl, 0, "%s", "");
}
