/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward status: what is enforced, with which counters, and how the daemons are. Exit 0: all is as it should be; 1: something
 * is wrong, and the output says what. Nothing being enforced because nothing was applied is not wrong.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/show.h"

struct status {
	bool has_kernel, has_audit, has_supervisor;
	struct msg_kernel kernel;
	struct msg_audit audit;
	struct msg_supervisor supervisor;
};

static int fetch(struct status *s, struct err *e)
{
	const struct msg_ask ask = { 0 };
	_fd_ int sock = -1;
	int r = client_connect(&sock, e);

	if (r == 0)
		r = client_ask(sock, IPC_DO_STATUS, &ask, -1, e);
	while (r >= 0) {
		_msg_ struct ipc_msg m = IPC_MSG_INIT;

		r = client_answer(sock, &m, e);
		if (r < 0)
			return r;
		if (m.type == IPC_SAY_KERNEL) {
			s->kernel = m.body.as_SAY_KERNEL;
			s->has_kernel = true;
		} else if (m.type == IPC_SAY_AUDIT) {
			s->audit = m.body.as_SAY_AUDIT;
			s->has_audit = true;
		} else if (m.type == IPC_SAY_SUPERVISOR) {
			s->supervisor = m.body.as_SAY_SUPERVISOR;
			s->has_supervisor = s->supervisor.count <= MSG_ROLES_MAX;
		} else if (m.type == IPC_SAY_OUTCOME) {
			return err_say(e, m.body.as_SAY_OUTCOME.code, "%s", ipc_text(m.body.as_SAY_OUTCOME.text, MSG_TEXT_MAX));
		}
	}
	return r;
}

static const char *mode_of(const struct msg_kernel *k)
{
	if (!k->gen)
		return "none";
	if (!k->stores_audit)
		return "enforce";
	return k->stores_audit == k->stores ? "audit" : "mixed";
}

static bool all_well(const struct status *s)
{
	bool well = s->has_kernel && s->has_audit && s->has_supervisor && !s->kernel.text[0] && !s->audit.trouble_since_utc_s &&
		    !s->audit.text[0];

	for (uint32_t i = 0; well && i < s->supervisor.count; i++)
		well = s->supervisor.v[i].pid != 0;
	return well;
}

static void text_kernel(const struct msg_kernel *k)
{
	char name[SHOW_NAME_MAX], hash[65], when[SHOW_TIME_MAX], why[2 * MSG_TEXT_MAX];

	show_name(k->name, k->version, name);
	show_hash(k->policy_hash, hash);
	show_text(k->text, strnlen(k->text, sizeof(k->text)), why, sizeof(why));
	if (k->gen) {
		show_time(k->since_utc_s, when);
		printf("policy      %s\n", *name ? name : "(image missing)");
		printf("hash        %s\n", hash);
		printf("generation  %u, since %s\n", k->gen, when);
		printf("mode        %s", mode_of(k));
		if (k->stores_audit && k->stores_audit < k->stores)
			printf(" (%u of %u stores in audit)", k->stores_audit, k->stores);
		printf("\n");
	} else {
		printf("policy      none: nothing is enforced%s\n", k->flags & MSG_KERNEL_OFF ? " (polyward.off)" : "");
	}
	if (k->gen)
		printf("guard       %s%s\n", k->flags & MSG_KERNEL_GUARD ? "on" : "off",
		       k->flags & MSG_KERNEL_SEALED ? ", sealed until a reboot" : "");
	if (k->upgrade_left_s)
		printf("upgrade     the installed programs may be replaced for %u more seconds; then run `polyward upgrade done`\n", k->upgrade_left_s);
	if (k->flags & MSG_KERNEL_BUSY)
		printf("under way   a policy is being applied\n");
	if (k->revert_at_utc_s) {
		show_time(k->revert_at_utc_s, when);
		if (k->revert_gen)
			printf("pending     generation %u comes back at %s unless you run `polyward confirm`\n", k->revert_gen, when);
		else
			printf("pending     enforcement ends at %s unless you run `polyward confirm`\n", when);
	}
	if (k->gen)
		printf("decisions   %llu allowed, %llu denied, %llu audited, %llu internal errors; %llu events lost\n",
		       (unsigned long long)k->sum.allowed, (unsigned long long)k->sum.denied, (unsigned long long)k->sum.audited,
		       (unsigned long long)k->sum.internal, (unsigned long long)k->sum.lost);
	printf("kernel      %u hooks attached, %llu KiB in maps\n", k->hooks_attached, (unsigned long long)(k->map_bytes / 1024));
	if (*why)
		printf("trouble     %s\n", why);
}

static void text_audit(const struct msg_audit *a)
{
	char when[SHOW_TIME_MAX], why[2 * MSG_TEXT_MAX], segment[4 * MSG_NAME_MAX];

	show_text(a->segment, strnlen(a->segment, sizeof(a->segment)), segment, sizeof(segment));
	printf("log         %llu records; %s, %llu bytes\n", (unsigned long long)a->records, segment, (unsigned long long)a->segment_bytes);
	show_text(a->text, strnlen(a->text, sizeof(a->text)), why, sizeof(why));
	if (!a->trouble_since_utc_s) {
		if (why[0])
			printf("log trouble %s; records are on disk, and are hashed and signed when this is mended\n", why);
		return;
	}
	show_time(a->trouble_since_utc_s, when);
	printf("log trouble since %s: %s (tried %llu times); make room for the log\n", when, why, (unsigned long long)a->retries);
	printf("            events wait in the kernel; when its room is used up, accesses are counted as a gap, and those to strict stores refused\n");
}

static void text_daemons(const struct msg_supervisor *s)
{
	uint64_t sum_bytes = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		const struct msg_role *r = &s->v[i];

		sum_bytes += r->resident_bytes;
		printf("%s%-16s ", i ? "            " : "daemons     ", ipc_role_name((enum role)r->role));
		if (!r->pid) {
			printf("not running, will be started again\n");
			continue;
		}
		printf("process %u, %llu KiB resident", r->pid, (unsigned long long)(r->resident_bytes / 1024));
		if (r->restarts)
			printf(", restarted %u times", r->restarts);
		printf("\n");
	}
	printf("            %llu KiB resident in all\n", (unsigned long long)(sum_bytes / 1024));
}

static void text(const struct status *s)
{
	if (s->has_kernel)
		text_kernel(&s->kernel);
	else
		printf("policy      unknown: polyward-kernel does not answer; what was enforced stays enforced\n");
	if (s->has_audit)
		text_audit(&s->audit);
	else
		printf("log         unknown: polyward-audit does not answer; events wait in the kernel meanwhile\n");
	if (s->has_supervisor)
		text_daemons(&s->supervisor);
}

static void set_time(json_t *o, const char *key, int64_t utc_s)
{
	char when[SHOW_TIME_MAX];

	show_time(utc_s, when);
	json_object_set_new(o, key, utc_s ? json_string(when) : json_null());
}

static void set_text(json_t *o, const char *key, const char *value, size_t size_bytes)
{
	char clean[4 * MSG_TEXT_MAX];

	show_text(value, strnlen(value, size_bytes), clean, sizeof(clean));
	json_object_set_new(o, key, *clean ? json_string(clean) : json_null());
}

static json_t *json_kernel(const struct msg_kernel *k)
{
	json_t *o = json_object();
	char hash[65];

	show_hash(k->policy_hash, hash);
	json_object_set_new(o, "enforced", json_boolean(k->gen != 0));
	set_text(o, "policy", k->name, sizeof(k->name));
	set_text(o, "version", k->version, sizeof(k->version));
	json_object_set_new(o, "policy_hash", k->gen ? json_string(hash) : json_null());
	json_object_set_new(o, "generation", json_integer(k->gen));
	json_object_set_new(o, "mode", json_string(mode_of(k)));
	json_object_set_new(o, "stores", json_integer(k->stores));
	json_object_set_new(o, "stores_in_audit", json_integer(k->stores_audit));
	set_time(o, "since", k->gen ? k->since_utc_s : 0);
	set_time(o, "confirm_until", k->revert_at_utc_s);
	json_object_set_new(o, "revert_generation", json_integer(k->revert_gen));
	json_object_set_new(o, "guard", json_boolean(k->flags & MSG_KERNEL_GUARD));
	json_object_set_new(o, "sealed", json_boolean(k->flags & MSG_KERNEL_SEALED));
	json_object_set_new(o, "upgrade_left_s", json_integer(k->upgrade_left_s));
	json_object_set_new(o, "busy", json_boolean(k->flags & MSG_KERNEL_BUSY));
	json_object_set_new(o, "off", json_boolean(k->flags & MSG_KERNEL_OFF));
	json_object_set_new(o, "counters", json_pack("{s:I,s:I,s:I,s:I,s:I}", "allowed", (json_int_t)k->sum.allowed,
						     "denied", (json_int_t)k->sum.denied, "audited", (json_int_t)k->sum.audited,
						     "internal", (json_int_t)k->sum.internal, "lost", (json_int_t)k->sum.lost));
	json_object_set_new(o, "hooks_attached", json_integer(k->hooks_attached));
	json_object_set_new(o, "map_bytes", json_integer((json_int_t)k->map_bytes));
	set_text(o, "trouble", k->text, sizeof(k->text));
	return o;
}

static json_t *json_audit(const struct msg_audit *a)
{
	json_t *o = json_object();

	json_object_set_new(o, "records", json_integer((json_int_t)a->records));
	set_text(o, "segment", a->segment, sizeof(a->segment));
	json_object_set_new(o, "segment_bytes", json_integer((json_int_t)a->segment_bytes));
	json_object_set_new(o, "reading_events", json_boolean(a->rings));
	set_time(o, "trouble_since", a->trouble_since_utc_s);
	set_text(o, "trouble", a->text, sizeof(a->text));
	json_object_set_new(o, "retries", json_integer((json_int_t)a->retries));
	return o;
}

static json_t *json_daemons(const struct msg_supervisor *s)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < s->count; i++)
		json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:I}", "name", ipc_role_name((enum role)s->v[i].role),
						      "pid", (json_int_t)s->v[i].pid, "resident_bytes", (json_int_t)s->v[i].resident_bytes,
						      "restarts", (json_int_t)s->v[i].restarts));
	return list;
}

int cmd_status(struct cli *c)
{
	struct status s = { 0 };
	struct err e = { 0 };
	json_t *doc;

	if (fetch(&s, &e) < 0)
		return cli_fail(c, &e);
	if (!c->json) {
		text(&s);
		return all_well(&s) ? CLI_YES : CLI_NO;
	}
	doc = s.has_kernel ? json_kernel(&s.kernel) : json_pack("{s:n}", "enforced"); /* null: not known */
	json_object_set_new(doc, "well", json_boolean(all_well(&s)));
	json_object_set_new(doc, "log", s.has_audit ? json_audit(&s.audit) : json_null());
	json_object_set_new(doc, "daemons", s.has_supervisor ? json_daemons(&s.supervisor) : json_array());
	cli_print_json(doc);
	return all_well(&s) ? CLI_YES : CLI_NO;
}
