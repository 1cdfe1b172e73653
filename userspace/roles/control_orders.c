/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An order's way: (compile,) record what was asked, do it, record what came of it, answer. What cannot be recorded is not done.
 * One change of the policy at a time; questions go on meanwhile.
 */
#include "roles/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct order { enum msg_type asked, pass_on; uint32_t right; const char *what, *intent, *done; };

static const struct order orders[] = {
	{ IPC_DO_APPLY,    IPC_APPLY,    PW_MAY_APPLY,    "apply a policy",    "apply-asked",    "applied" },
	{ IPC_DO_CONFIRM,  IPC_CONFIRM,  PW_MAY_APPLY,    "confirm a policy",  "confirm-asked",  "confirmed" },
	{ IPC_DO_ROLLBACK, IPC_ROLLBACK, PW_MAY_ROLLBACK, "roll a policy back", "rollback-asked", "rolled-back" },
	{ IPC_DO_DOWN,     IPC_DOWN,     PW_MAY_DOWN,     "end enforcement",   "down-asked",     "down" },
	{ IPC_DO_UPGRADE_BEGIN, IPC_UPGRADE_BEGIN, PW_MAY_APPLY, "begin an upgrade", "upgrade-asked", "upgrade-begun" },
	{ IPC_DO_UPGRADE_DONE,  IPC_UPGRADE_DONE,  PW_MAY_APPLY, "end an upgrade",   "upgrade-done-asked", "upgrade-done" },
};

static const struct order *order_of(enum msg_type asked)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (orders[i].asked == asked)
			return &orders[i];
	return NULL;
}

static const struct client *other_order(const struct control *c, const struct client *but)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct client *cl = &c->client[i];

		if (cl != but && cl->used && cl->step >= STEP_COMPILE && cl->step <= STEP_RESULT)
			return cl;
	}
	return NULL;
}

static void record(struct control *c, struct client *cl, enum step step, const char *event, const char *note)
{
	struct msg_record rec = { .id = cl->id, .kind = PW_REC_POLICY, .uid = cl->uid, .pid = (uint32_t)cl->pid };

	cl->step = step;
	if (step == STEP_RESULT && cl->outcome.gen) {
		rec.gen = cl->outcome.gen;
		memcpy(rec.policy_hash, cl->outcome.policy_hash, sizeof(rec.policy_hash));
	}
	ipc_put(rec.event, sizeof(rec.event), event);
	ipc_put(rec.note, sizeof(rec.note), note);
	if (c->peers.audit >= 0 && ipc_send(c->peers.audit, ROLE_CONTROL, ROLE_AUDIT, IPC_RECORD, &rec, NULL) == 0)
		return;
	if (step == STEP_INTENT) {
		client_end(cl, -EAGAIN, "polyward-audit is not running, and nothing is changed without a record; try again in a moment");
		return;
	}
	if (!cl->outcome.code)
		ipc_put(cl->outcome.text, sizeof(cl->outcome.text), "polyward-audit is not running: what came of this is not in the log");
	client_end_with(cl, &cl->outcome);
}

/* The kernel process has answered, or cannot: the result goes to the log, then to the client. */
static void result(struct control *c, struct client *cl)
{
	const struct order *o = order_of(cl->asked);
	char note[MSG_TEXT_MAX];

	if (cl->outcome.code)
		(void)snprintf(note, sizeof(note), "%.60s: %.440s", o->what, ipc_text(cl->outcome.text, sizeof(cl->outcome.text)));
	else
		(void)snprintf(note, sizeof(note), "%.63s %.63s%s", ipc_text(cl->outcome.name, MSG_NAME_MAX),
			       ipc_text(cl->outcome.version, MSG_NAME_MAX),
			       cl->outcome.revert_at_utc_s ? ", until confirmed" : "");
	record(c, cl, STEP_RESULT, cl->outcome.code ? "refused" : o->done, note);
}

static void failed(struct control *c, struct client *cl, int code, const char *text)
{
	memset(&cl->outcome, 0, sizeof(cl->outcome));
	cl->outcome.code = code;
	ipc_put(cl->outcome.text, sizeof(cl->outcome.text), text);
	result(c, cl);
}

static void pass_on(struct control *c, struct client *cl)
{
	const struct msg_order order = { .id = cl->id, .uid = cl->uid, .pid = (uint32_t)cl->pid, .confirm_s = cl->confirm_s };

	cl->step = STEP_KERNEL;
	if (c->peers.kernel < 0 ||
	    ipc_send(c->peers.kernel, ROLE_CONTROL, ROLE_KERNEL, order_of(cl->asked)->pass_on, &order, &cl->image_fd) < 0)
		failed(c, cl, -EAGAIN, "polyward-kernel is not running; what is enforced stays; try again in a moment");
	cleanup_fd(&cl->image_fd);
}

static void begin_apply(struct control *c, struct client *cl, struct ipc_msg *m)
{
	struct msg_apply *a = &m->body.as_DO_APPLY;
	struct msg_compile ask = { .id = cl->id, .uid = cl->uid };

	cl->confirm_s = a->confirm_s;
	memcpy(cl->file, a->file, sizeof(cl->file));
	memcpy(ask.file, a->file, sizeof(ask.file));
	cl->step = STEP_COMPILE;
	if (ipc_send(c->peers.supervisor, ROLE_CONTROL, ROLE_SUPERVISOR, IPC_COMPILE, &ask, m->fds) < 0)
		client_end(cl, -EIO, "the policy could not be handed to the compiler");
}

static int begin_order(struct control *c, struct client *cl, struct ipc_msg *m)
{
	const struct order *o = order_of(m->type);
	const struct client *other = other_order(c, cl);
	const struct msg_apply *a = &m->body.as_DO_APPLY;

	/* A name that does not end inside its field, or leads out of the directory, comes from no command of ours. */
	if (m->type == IPC_DO_APPLY && (!memchr(a->file, '\0', sizeof(a->file)) || !a->file[0] || strchr(a->file, '/') ||
					a->confirm_s > 30 * 86400))
		return -EBADMSG;
	if (!may(c, cl, o->right)) {
		may_not(c, cl, o->what);
		return 0;
	}
	if (other) {
		client_end(cl, -EBUSY, "uid %u is about to %s; try again when that is done", other->uid, order_of(other->asked)->what);
		return 0;
	}
	cl->asked = m->type;
	cl->confirm_s = 0;
	memset(&cl->outcome, 0, sizeof(cl->outcome));
	if (m->type == IPC_DO_APPLY)
		begin_apply(c, cl, m);
	else
		record(c, cl, STEP_INTENT, o->intent, "");
	return 0;
}

static void begin_log(struct control *c, struct client *cl)
{
	const struct msg_order ask = { .id = cl->id, .uid = cl->uid, .pid = (uint32_t)cl->pid };

	if (!may(c, cl, PW_MAY_READ_LOG)) {
		may_not(c, cl, "read the log");
		return;
	}
	cl->step = STEP_LOG;
	if (c->peers.audit < 0 || ipc_send(c->peers.audit, ROLE_CONTROL, ROLE_AUDIT, IPC_ASK_LOG, &ask, NULL) < 0)
		client_end(cl, -EAGAIN, "polyward-audit is not running; try again in a moment");
}

static void begin_status(struct control *c, struct client *cl)
{
	const struct msg_ask ask = { .id = cl->id };

	cl->step = STEP_STATUS;
	cl->waiting = ROLE_SUPERVISOR | ROLE_KERNEL | ROLE_AUDIT;
	if (ipc_send(c->peers.supervisor, ROLE_CONTROL, ROLE_SUPERVISOR, IPC_ASK_SUPERVISOR, &ask, NULL) < 0)
		cl->waiting &= ~(unsigned)ROLE_SUPERVISOR;
	if (c->peers.kernel < 0 || ipc_send(c->peers.kernel, ROLE_CONTROL, ROLE_KERNEL, IPC_ASK_KERNEL, &ask, NULL) < 0)
		cl->waiting &= ~(unsigned)ROLE_KERNEL;
	if (c->peers.audit < 0 || ipc_send(c->peers.audit, ROLE_CONTROL, ROLE_AUDIT, IPC_ASK_AUDIT, &ask, NULL) < 0)
		cl->waiting &= ~(unsigned)ROLE_AUDIT;
	if (!cl->waiting)
		client_end(cl, 0, "%s", "");
}

int orders_begin(struct control *c, struct client *cl, struct ipc_msg *m)
{
	if (cl->step != STEP_IDLE)
		return -EBADMSG; /* one question at a time */
	c->serial++;
	cl->id = c->serial * CLIENTS_MAX + (uint32_t)(cl - c->client);
	if (m->type == IPC_DO_STATUS)
		begin_status(c, cl);
	else if (m->type == IPC_DO_LOG)
		begin_log(c, cl);
	else if (order_of(m->type))
		return begin_order(c, cl, m);
	else
		return evidence_begin(c, cl, m);
	return 0;
}

void orders_compiled(struct control *c, struct ipc_msg *m)
{
	struct msg_compiled *done = &m->body.as_COMPILED;
	struct client *cl = client_of(c, done->id, STEP_COMPILE);
	const struct msg_ask none = { 0 };
	char text[MSG_TEXT_MAX];

	if (!cl)
		return;
	client_say(cl, IPC_SAY_MESSAGES, &none, &m->fds[1]);
	if (done->code) {
		if (c->admins_known && c->admins.gen)
			(void)snprintf(text, sizeof(text), "%.400s; generation %u stays", ipc_text(done->text, sizeof(done->text)), c->admins.gen);
		else
			(void)snprintf(text, sizeof(text), "%.400s; %s", ipc_text(done->text, sizeof(done->text)),
				       c->admins_known ? "nothing is enforced" : "what is enforced stays");
		failed(c, cl, done->code, text);
		return;
	}
	cl->image_fd = take_fd(m->fds[0]);
	record(c, cl, STEP_INTENT, order_of(cl->asked)->intent, cl->file);
}

void orders_recorded(struct control *c, struct ipc_msg *m)
{
	struct msg_recorded *r = &m->body.as_RECORDED;
	struct client *cl = client_of(c, r->id, STEP_INTENT);
	const char *why = ipc_text(r->text, sizeof(r->text));

	if (cl && r->code == 0)
		pass_on(c, cl);
	else if (cl)
		client_end(cl, r->code, "nothing is changed, because it cannot be recorded: %.400s; make room for the log", why);
	if (cl || evidence_recorded(c, r))
		return;
	cl = client_of(c, r->id, STEP_LOG);
	if (cl) {
		client_end(cl, r->code ? r->code : -EIO, "the log is not handed out, because the reading cannot be recorded: %.400s", why);
		return;
	}
	cl = client_of(c, r->id, STEP_RESULT);
	if (!cl)
		return;
	if (r->code && !cl->outcome.code)
		(void)snprintf(cl->outcome.text, sizeof(cl->outcome.text), "what came of this is not in the log: %.440s", why);
	client_end_with(cl, &cl->outcome);
}

void orders_outcome(struct control *c, struct ipc_msg *m)
{
	struct client *cl = client_of(c, m->body.as_OUTCOME.id, STEP_KERNEL);

	if (!cl)
		return;
	cl->outcome = m->body.as_OUTCOME;
	result(c, cl);
}

void orders_progress(struct control *c, struct ipc_msg *m)
{
	struct client *cl = client_of(c, m->body.as_PROGRESS.id, STEP_KERNEL);

	if (cl)
		client_say(cl, IPC_SAY_PROGRESS, &m->body.as_PROGRESS, NULL);
}

void orders_log_dir(struct control *c, struct ipc_msg *m)
{
	struct client *cl = client_of(c, m->body.as_LOG_DIR.id, STEP_LOG);
	const struct msg_ask none = { 0 };

	if (!cl)
		return;
	client_say(cl, IPC_SAY_LOG_DIR, &none, m->fds);
	client_end(cl, 0, "%s", "");
}

void orders_status(struct control *c, struct ipc_msg *m)
{
	/* All three bodies begin with the id. */
	struct client *cl = client_of(c, m->body.as_ASK_KERNEL.id, STEP_STATUS);

	if (!cl)
		return;
	if (m->type == IPC_SUPERVISOR_STATUS) {
		client_say(cl, IPC_SAY_SUPERVISOR, &m->body, NULL);
		cl->waiting &= ~(unsigned)ROLE_SUPERVISOR;
	} else if (m->type == IPC_KERNEL_STATUS) {
		client_say(cl, IPC_SAY_KERNEL, &m->body, NULL);
		cl->waiting &= ~(unsigned)ROLE_KERNEL;
	} else {
		client_say(cl, IPC_SAY_AUDIT, &m->body, NULL);
		cl->waiting &= ~(unsigned)ROLE_AUDIT;
	}
	if (!cl->waiting)
		client_end(cl, 0, "%s", "");
}

void orders_status_overdue(struct control *c)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *cl = &c->client[i];

		if (cl->used && cl->step == STEP_STATUS && role_now_ms() - cl->active_ms >= STATUS_WAIT_MS)
			client_end(cl, 0, "%s", "");
	}
}

void orders_peer_gone(struct control *c, enum role gone)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *cl = &c->client[i];

		if (!cl->used)
			continue;
		if (cl->step == STEP_STATUS && cl->waiting & gone) {
			cl->waiting &= ~(unsigned)gone;
			if (!cl->waiting)
				client_end(cl, 0, "%s", "");
		} else if (gone == ROLE_KERNEL && cl->step == STEP_KERNEL) {
			failed(c, cl, -EIO, "polyward-kernel died meanwhile; see `polyward status` for what is enforced");
		} else if (gone == ROLE_AUDIT && (cl->step == STEP_INTENT || cl->step == STEP_LOG || cl->step == STEP_EVENT)) {
			client_end(cl, -EIO, "polyward-audit died meanwhile; nothing was changed; try again in a moment");
		} else if (gone == ROLE_AUDIT && cl->step == STEP_EVIDENCE) {
			client_end(cl, -EIO, "polyward-audit died meanwhile; look with `polyward log` whether it was recorded before you try again");
		} else if (gone == ROLE_AUDIT && cl->step == STEP_RESULT) {
			if (!cl->outcome.code)
				ipc_put(cl->outcome.text, sizeof(cl->outcome.text), "polyward-audit died meanwhile: what came of this may not be in the log");
			client_end_with(cl, &cl->outcome);
		}
	}
}
