/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks about who got at what. They speak about accesses to files of stores on this host and about nothing else; an access that
 * polyward was not asked about is in no record, so time without a policy in force counts against every one of them.
 */
#include "report/check.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define QUERY_USERS 50u /* in one condition */

static bool any_access(const struct collect *c, struct finding *f)
{
	if (!check_any(c, f))
		return false;
	if (c->tally[T_ACCESS].records)
		return true;
	finding_say(f, "No access to a store is recorded in this range.");
	finding_need(f, "Accesses in the range: where nobody asked, nothing shows that the rules hold.");
	return false;
}

/* The end of a check: what offends decides; without it, "satisfied" takes whole evidence. */
static void settle(const struct collect *c, struct finding *f, bool offends)
{
	bool whole = check_whole(c, f), enforced = check_enforced(c, f);

	if (whole && enforced) {
		finding_say(f, "Lost events in the range: 0. Time in which nothing was recorded: %.1f s; in which no record shows that a policy was in "
				"force: %.1f s.", (double)c->quiet.sum_ns / 1e9, (double)c->unknown.sum_ns / 1e9);
		finding_use(f, c, T_GAP, NOTED);
	}
	if (c->down.sum_ns) {
		finding_say(f, "Time in which polyward had been told to stop enforcing: %.1f s (periods: %llu).", (double)c->down.sum_ns / 1e9,
			    (unsigned long long)c->down.total);
		finding_use(f, c, T_DOWN, OFFENDING);
		offends = true;
	}
	f->state = offends ? NOT_SATISFIED : whole && enforced ? SATISFIED : NOT_SHOWN;
}

static void say_passed(const struct collect *c, struct finding *f)
{
	if (c->tally[T_PASSED].records)
		finding_say(f, "Accesses that passed in mode audit although no right allowed them: %s.", tally_said(&c->tally[T_PASSED]).text);
	finding_use(f, c, T_PASSED, OFFENDING);
}

void check_access(const struct collect *c, struct finding *f)
{
	if (!any_access(c, f))
		return;
	finding_say(f, "Accesses that were allowed: %s; refused: %s.", tally_said(&c->tally[T_ALLOW]).text, tally_said(&c->tally[T_DENY]).text);
	finding_use(f, c, T_ALLOW, EXAMINED);
	finding_say(f, "This is about the files of those stores on this host that the policies of the range declare.");
	finding_use(f, c, T_DENY, NOTED);
	if (c->tally[T_NO_ROLE].records)
		finding_say(f, "Allowed to processes without any role, by a rule that is open to everybody: %s.", tally_said(&c->tally[T_NO_ROLE]).text);
	finding_use(f, c, T_NO_ROLE, OFFENDING);
	say_passed(c, f);
	if (c->tally[T_NO_POLICY].records)
		finding_say(f, "Accesses that name no policy, so that their roles are known as bits alone: %s.", tally_said(&c->tally[T_NO_POLICY]).text);
	settle(c, f, c->tally[T_NO_ROLE].records || c->tally[T_PASSED].records);
}

/* Accesses without a login that no service role explains, and the condition that finds them. */
static void without_login(const struct collect *c, struct tally *ret, struct buf *jq)
{
	const char *comma = "";

	memset(ret, 0, sizeof(*ret));
	buf_add_str(jq, tally_jq(T_NO_LOGIN));
	buf_add_str(jq, " and ((.roles // \"\") | split(\",\") | any(IN(");
	for (size_t i = 0; i < c->roles_count; i++)
		if (policies_is_service(c->policies, c->roles[i].name)) {
			buf_printf(jq, "%s\"%s\"", comma, c->roles[i].name);
			comma = ",";
		}
	buf_printf(jq, "%s)) | not)", *comma ? "" : "empty");
	for (size_t i = 0; i < c->nologin_count; i++) {
		char words[sizeof(c->nologin[i].roles)], *rest = words, *word;
		bool service = false;

		memcpy(words, c->nologin[i].roles, sizeof(words));
		while (!service && (word = strsep(&rest, ",")))
			service = *word && policies_is_service(c->policies, word);
		if (!service)
			tally_merge(ret, &c->nologin[i].t);
	}
}

/* Users behind whom more than one login stood. */
static unsigned shared_users(const struct collect *c, struct tally *ret, struct buf *jq)
{
	unsigned found = 0;

	memset(ret, 0, sizeof(*ret));
	buf_printf(jq, "%s and (", tally_jq(T_ALLOW));
	for (size_t i = 0; i < c->users_count; i++) {
		if (!c->users[i].shared)
			continue;
		tally_merge(ret, &c->users[i].by_others);
		if (found++ < QUERY_USERS)
			buf_printf(jq, "%s(.uid==%u and has(\"login_uid\") and .login_uid!=%u)", found > 1 ? " or " : "", c->users[i].uid,
				   c->users[i].login_uid);
	}
	buf_add_str(jq, found ? ")" : "false)");
	return found;
}

void check_unique_user(const struct collect *c, struct finding *f)
{
	_buf_ struct buf login_jq = BUF_INIT, shared_jq = BUF_INIT;
	struct tally login, others;
	unsigned shared;

	if (!any_access(c, f))
		return;
	without_login(c, &login, &login_jq);
	shared = shared_users(c, &others, &shared_jq);
	finding_use(f, c, T_ALLOW, EXAMINED);
	finding_use_own(f, &login, "allowed accesses of processes that belong to no login, beside roles bound to a unit or a program",
			login_jq.data, OFFENDING);
	finding_use_own(f, &others, "allowed accesses as a user behind whom another login stood before", shared_jq.data, OFFENDING);
	finding_use(f, c, T_OTHER_LOGIN, NOTED);
	finding_say(f, "Users with allowed or refused accesses: %zu; with more than one login behind them: %u.", c->users_count, shared);
	if (login.records)
		finding_say(f, "Allowed accesses that belong to no login, and to no role that a policy binds to a unit or a program: %s.",
			    tally_said(&login).text);
	finding_say(f, "Two persons who share one password are one login, here as everywhere: that cannot be seen in a log.");
	if (c->users_lost || c->nologin_lost)
		finding_say(f, "There were more users than this report keeps; records not counted by user: %llu.",
			    (unsigned long long)(c->users_lost + c->nologin_lost));
	settle(c, f, login.records || shared);
	if (f->state == SATISFIED && (c->users_lost || c->nologin_lost))
		f->state = NOT_SHOWN;
}

void check_integrity(const struct collect *c, struct finding *f)
{
	if (!any_access(c, f))
		return;
	finding_say(f, "Changes that a rule allowed: %s; refused: %s.", tally_said(&c->tally[T_CHANGE]).text, tally_said(&c->tally[T_CHANGE_DENIED]).text);
	finding_use(f, c, T_CHANGE, EXAMINED);
	finding_use(f, c, T_CHANGE_DENIED, NOTED);
	finding_use(f, c, T_GUARD, NOTED);
	if (c->tally[T_CHANGE_PASSED].records)
		finding_say(f, "Changes that passed in mode audit although no right allowed them: %s.", tally_said(&c->tally[T_CHANGE_PASSED]).text);
	finding_use(f, c, T_CHANGE_PASSED, OFFENDING);
	finding_say(f, "Whether an allowed change was a right one is for people to say. Changes below the filesystem (the disk, a backup) are in no record.");
	settle(c, f, c->tally[T_CHANGE_PASSED].records != 0);
}

void check_confidentiality(const struct collect *c, struct finding *f)
{
	if (!any_access(c, f))
		return;
	finding_use(f, c, T_ALLOW, EXAMINED);
	say_passed(c, f);
	finding_use(f, c, T_DENY, NOTED);
	if (c->permissive.sum_ns)
		finding_say(f, "Time in which stores were only watched (mode audit), added up over stores: %.1f s (periods: %llu).",
				(double)c->permissive.sum_ns / 1e9,
			    (unsigned long long)c->permissive.total);
	finding_say(f, "This is about access to files. Encryption is a row of its own.");
	settle(c, f, c->tally[T_PASSED].records || c->permissive.sum_ns);
}

void check_by_default(const struct collect *c, struct finding *f)
{
	if (!any_access(c, f))
		return;
	finding_say(f, "Refused because no rule allows it: %s. The policy language has no other default.", tally_said(&c->tally[T_BY_DEFAULT]).text);
	finding_use(f, c, T_ALLOW, EXAMINED);
	finding_use(f, c, T_BY_DEFAULT, NOTED);
	finding_use(f, c, T_NO_RULE, OFFENDING);
	if (c->tally[T_NO_RULE].records)
		finding_say(f, "Allowed without a rule that says so: %s.", tally_said(&c->tally[T_NO_RULE]).text);
	say_passed(c, f);
	settle(c, f, c->tally[T_NO_RULE].records || c->tally[T_PASSED].records);
}

void check_resilience(const struct collect *c, struct finding *f)
{
	if (!any_access(c, f))
		return;
	finding_use(f, c, T_ACCESS, EXAMINED);
	finding_use(f, c, T_INTERNAL, OFFENDING);
	if (c->tally[T_INTERNAL].records)
		finding_say(f, "Refused for want of memory, depth or room for the record, so that data was not available: %s.",
			    tally_said(&c->tally[T_INTERNAL]).text);
	say_passed(c, f);
	if (c->tally[T_GAP].records)
		finding_use(f, c, T_GAP, OFFENDING);
	finding_say(f, "This is about the access control of this host: whether it held, lost events or refused for lack of means. Backups and spare "
			"hosts are in no record.");
	settle(c, f, c->tally[T_INTERNAL].records || c->tally[T_PASSED].records || c->tally[T_GAP].records);
}
