/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clause, and what came of checking it. A check begins as "not shown" and has to earn any other word; "satisfied" needs records that
 * were looked at, and none that offend. What an answer rests on is listed with the query that finds it again.
 */
#ifndef REPORT_CHECK_H
#define REPORT_CHECK_H

#include <jansson.h>

#include "report/collect.h"

enum regulation { REG_GDPR, REG_HIPAA, REG_CCPA, REG_AI_ACT, REG_MAX_ };
enum finding_state { NOT_SHOWN, SATISFIED, NOT_SATISFIED };
enum evidence_role { EXAMINED, OFFENDING, NOTED };

struct finding;
struct clause {
	enum regulation regulation;
	const char *id, *title, *in_force;
	void (*check)(const struct collect *c, struct finding *f);
	const char *source;
};

struct finding {
	const struct clause *clause;
	enum finding_state state;
	json_t *said, *needed, *evidence; /* sentences; sentences; objects */
	const char *log_command, *log_command_whole; /* borrowed: polyward log with range and directory, and without the range */
};

const struct clause *clauses(size_t *ret_count);
const char *finding_word(enum finding_state state);

void finding_begin(struct finding *f, const struct clause *clause, const char *log_command, const char *log_command_whole);
void finding_free(struct finding *f);
void finding_say(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The state is "not shown", and this would have to be there. */
void finding_need(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_use(struct finding *f, const struct collect *c, enum tally_id id, enum evidence_role role);
/* The same for a tally that was put together by the check, with its own condition. */
void finding_use_own(struct finding *f, const struct tally *t, const char *words, const char *jq, enum evidence_role role);
/* ... and of the whole log, whatever the range is. */
void finding_use_whole(struct finding *f, const struct tally *t, const char *words, const char *jq, enum evidence_role role);

/* What several checks ask. */
bool check_any(const struct collect *c, struct finding *f);          /* is there a record in the range at all? If not, that is said */
bool check_whole(const struct collect *c, struct finding *f);        /* no losses, no policy that leaves allowed accesses out: "none" means none */
bool check_enforced(const struct collect *c, struct finding *f);     /* do records show a policy in force all the time? If not, that is said */


#define CLAUSE(regulation, id, title, in_force, check, source) void check_##check(const struct collect *c, struct finding *f);
#include "report/clauses.def"
#undef CLAUSE

#endif
