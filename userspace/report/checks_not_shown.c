/* SPDX-License-Identifier: Apache-2.0 */
/* Clauses that no record of this version can answer: each says what was looked at, and what would have to be there. None of them ever passes. */
#include "report/check.h"

void check_emergency(const struct collect *c, struct finding *f)
{
	(void)c;
	finding_need(f, "Records of emergency access with reason, approver, end and review: this version has no emergency access.");
}

void check_logoff(const struct collect *c, struct finding *f)
{
	(void)c;
	finding_need(f, "The ends of sessions: this version records the session of an access, not when a session ends.");
}

void check_encryption(const struct collect *c, struct finding *f)
{
	(void)c;
	finding_need(f, "The encryption of each store at the time of each access: this version records none.");
}

void check_content_proof(const struct collect *c, struct finding *f)
{
	finding_use(f, c, T_CHANGE, NOTED);
	finding_need(f, "Digests of the objects (fs-verity, IMA) in the records: this version records none.");
}

void check_authentication(const struct collect *c, struct finding *f)
{
	finding_say(f, "Allowed accesses with the age of a second factor: %s of %s.", tally_said(&c->tally[T_FACTOR]).text,
		    tally_said(&c->tally[T_ALLOW]).text);
	finding_use(f, c, T_FACTOR, NOTED);
	finding_need(f, "How each login was authenticated: this version has no way to give a second factor, and does not see passwords.");
}

void check_transmission(const struct collect *c, struct finding *f)
{
	(void)c;
	finding_need(f, "Network connections: this version records accesses to files alone.");
}

void check_breach_clock(const struct collect *c, struct finding *f)
{
	finding_use(f, c, T_REPORT, NOTED);
	finding_need(f, "A breach is something that people establish. For one that they have: polyward report breach --since TIME --user NAME --aware TIME.");
}

void check_deidentified(const struct collect *c, struct finding *f)
{
	(void)c;
	finding_need(f, "Which classes hold de-identified data, which identified data, and which the keys between them: a policy names classes, not "
			"what they are to each other.");
}

void check_disclosures(const struct collect *c, struct finding *f)
{
	finding_use(f, c, T_EXPORT, NOTED);
	finding_use(f, c, T_MOVED, NOTED);
	finding_need(f, "Recipients: what leaves this host over a network or on a medium is not recorded. What can be listed: polyward report disclosures.");
}

void check_purpose(const struct collect *c, struct finding *f)
{
	finding_say(f, "Allowed accesses with a declared purpose: %s of %s.", tally_said(&c->tally[T_PURPOSE]).text,
		    tally_said(&c->tally[T_ALLOW]).text);
	finding_use(f, c, T_PURPOSE, NOTED);
	finding_need(f, "Declared purposes: this version has no way to declare one.");
}

void check_subject(const struct collect *c, struct finding *f)
{
	finding_use(f, c, T_REPORT, NOTED);
	finding_need(f, "The name of the person and a catalog of the objects that hold their data: polyward report subject NAME --catalog FILE.");
}

void check_exemptions(const struct collect *c, struct finding *f)
{
	(void)c;
	finding_need(f, "Requests for deletion and the reasons why some were refused: this version records erasures, not requests.");
}

void check_clear_text(const struct collect *c, struct finding *f)
{
	finding_use(f, c, T_ALLOW, NOTED);
	finding_need(f, "The encryption of each object at the time of its access, and whose data it holds. For one identity or store: polyward report "
			"breach.");
}

void check_host(const struct collect *c, struct finding *f)
{
	(void)c;
	finding_need(f, "Checks of this host's configuration, packages and services: this version makes none.");
}

void check_people(const struct collect *c, struct finding *f)
{
	(void)c;
	finding_need(f, "Documents about people, partners and plans: nothing on this host can show them.");
}

void check_disposal(const struct collect *c, struct finding *f)
{
	finding_use(f, c, T_ERASURE, NOTED);
	finding_need(f, "Retention times of the stores and what was disposed of: the policy language has no words for them. Erasures of the log's own "
			"personal fields are listed.");
}

void check_training_data(const struct collect *c, struct finding *f)
{
	finding_use(f, c, T_ALLOW, NOTED);
	finding_need(f, "Which training run an access belongs to, declared data sets with digests, and examinations for bias: this version records none.");
}

void check_explanation(const struct collect *c, struct finding *f)
{
	(void)c;
	finding_need(f, "Decisions of an AI system with their explanations: this version records decisions about access alone.");
}
