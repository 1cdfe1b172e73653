/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document as OSCAL assessment-results (NIST, 1.1.3). OSCAL knows two states of a finding, so "not shown" is written as not-satisfied
 * with the reason "other" and says in its remarks that it is neither. Identifiers are version 5 UUIDs of what they name: the same log and
 * question give the same document.
 */
#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

#define OSCAL_VERSION "1.1.3"
#define OUR_NS        "urn:polyward:report:1"
#define UUID_SIZE     37u

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* RFC 9562 section 5.5, in a name space of our own. */
static void uuid5(const char *name, char ret[static UUID_SIZE])
{
	static const uint8_t ns[16] = { 0x5c, 0x0e, 0x8f, 0x3a, 0x7b, 0x41, 0x4d, 0x02, 0x9a, 0x66, 0x1f, 0xd3, 0x20, 0x9e, 0xb7, 0x54 };
	uint8_t h[EVP_MAX_MD_SIZE] = { 0 };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) && EVP_DigestUpdate(ctx, ns, sizeof(ns)) && EVP_DigestUpdate(ctx, name, strlen(name)))
		(void)EVP_DigestFinal_ex(ctx, h, NULL);
	EVP_MD_CTX_free(ctx);
	h[6] = (uint8_t)((h[6] & 0x0f) | 0x50);
	h[8] = (uint8_t)((h[8] & 0x3f) | 0x80);
	(void)snprintf(ret, UUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", h[0], h[1], h[2], h[3], h[4], h[5], h[6],
		       h[7], h[8], h[9], h[10], h[11], h[12], h[13], h[14], h[15]);
}

/* What makes this document that document: tree, kind, range, and the moment it was made. */
static void id_of(const json_t *doc, const char *what, const char *which, char ret[static UUID_SIZE])
{
	const json_t *range = json_object_get(doc, "range");
	_buf_ struct buf name = BUF_INIT;

	buf_printf(&name, "%s|%s|%s|%s|%s|%s|%s", text_of(json_object_get(doc, "log"), "root"), text_of(doc, "report"), text_of(range, "since"),
		   text_of(range, "until"), text_of(doc, "made"), what, which);
	uuid5(name.data ? name.data : "", ret);
}

/* An OSCAL token: "hipaa-164.312.a.2.i". */
static void token(const json_t *doc, const char *id, struct buf *ret)
{
	bool gap = false;

	buf_printf(ret, "%s-", text_of(doc, "report"));
	for (; *id; id++) {
		if (isalnum((unsigned char)*id)) {
			if (gap && ret->data[ret->len_bytes - 1] != '-')
				buf_add_char(ret, '.');
			buf_add_char(ret, (char)tolower((unsigned char)*id));
		}
		gap = !isalnum((unsigned char)*id);
	}
}

static json_t *prop(const char *name, const char *value)
{
	return json_pack("{s:s, s:s, s:s}", "name", name, "ns", OUR_NS, "value", *value ? value : "none");
}

/* A reference may hold what a path may not. */
static void add_reference(struct buf *b, const char *path)
{
	for (; *path; path++) {
		if (isalnum((unsigned char)*path) || strchr("/._-~", *path))
			buf_add_char(b, *path);
		else
			buf_printf(b, "%%%02X", (unsigned char)*path);
	}
}

static json_t *metadata(const json_t *doc)
{
	const json_t *tool = json_object_get(doc, "tool");
	char party[UUID_SIZE];

	id_of(doc, "party", "polyward", party);
	return json_pack("{s:s, s:s, s:s, s:s, s:[o, o], s:[{s:s, s:s}], s:[{s:s, s:s, s:s}], s:[{s:s, s:[s]}]}", "title", text_of(doc, "title"),
			 "last-modified", text_of(doc, "made"), "version", text_of(doc, "made"), "oscal-version", OSCAL_VERSION,
			 "props", prop("tool-version", text_of(tool, "version")), prop("tool-sha256", text_of(tool, "sha256")), "roles", "id", "assessor",
			 "title", "What made this document", "parties", "uuid", party, "type", "organization", "name", "polyward (a program)",
			 "responsible-parties", "role-id", "assessor", "party-uuids", party);
}

static void join(const json_t *list, struct buf *b)
{
	json_t *sentence;
	size_t i;

	json_array_foreach(list, i, sentence)
		buf_printf(b, "%s%s", b->len_bytes ? " " : "", json_string_value(sentence));
}

/* ---- observations ---- */

static void add_proofs(const json_t *doc, const json_t *e, json_t *list)
{
	const char *dir = text_of(json_object_get(doc, "sample"), "proofs");
	const json_int_t size = json_integer_value(json_object_get(json_object_get(doc, "log"), "size"));
	json_t *seq;
	size_t i;

	json_array_foreach(json_object_get(e, "sample"), i, seq) {
		_buf_ struct buf href = BUF_INIT, words = BUF_INIT;

		if (!*dir || json_integer_value(seq) >= size)
			continue;
		add_reference(&href, dir);
		buf_printf(&href, "/%lld.tlog-proof", (long long)json_integer_value(seq));
		buf_printf(&words, "Inclusion proof of record %lld", (long long)json_integer_value(seq));
		json_array_append_new(list, json_pack("{s:s, s:s}", "href", href.data ? href.data : "", "description", words.data ? words.data : ""));
	}
}

static json_t *relevant_evidence(const json_t *doc, const json_t *clause)
{
	json_t *list = json_array(), *e;
	char resource[UUID_SIZE + 1] = "#";
	size_t i;

	id_of(doc, "resource", "log", resource + 1);
	json_array_foreach(json_object_get(clause, "evidence"), i, e) {
		_buf_ struct buf words = BUF_INIT, count = BUF_INIT;
		json_t *row;

		buf_printf(&words, "%s: %lld records of %s", text_of(e, "role"), (long long)json_integer_value(json_object_get(e, "records")),
				text_of(e, "what"));
		buf_printf(&count, "%lld", (long long)json_integer_value(json_object_get(e, "records")));
		row = json_pack("{s:s, s:s, s:[o, o]}", "href", resource, "description", words.data ? words.data : "", "props",
				prop("role", text_of(e, "role")), prop("records", count.data ? count.data : ""));
		if (*text_of(e, "query"))
			json_array_append_new(json_object_get(row, "props"), prop("query", text_of(e, "query")));
		json_array_append_new(list, row);
		add_proofs(doc, e, list);
	}
	return list;
}

static json_t *observation(const json_t *doc, const json_t *clause)
{
	json_t *evidence = relevant_evidence(doc, clause), *o;
	_buf_ struct buf said = BUF_INIT;
	char uuid[UUID_SIZE];

	id_of(doc, "observation", text_of(clause, "id"), uuid);
	join(json_object_get(clause, "said"), &said);
	o = json_pack("{s:s, s:s, s:s, s:[s], s:s}", "uuid", uuid, "title", text_of(clause, "title"), "description",
		      said.data ? said.data : "The records listed as evidence were counted.", "methods", "EXAMINE", "collected", text_of(doc, "made"));
	if (json_array_size(evidence))
		json_object_set(o, "relevant-evidence", evidence);
	json_decref(evidence);
	return o;
}

static bool was_looked_at(const json_t *clause)
{
	return json_array_size(json_object_get(clause, "said")) || json_array_size(json_object_get(clause, "evidence"));
}

/* ---- findings ---- */

static json_t *status(const json_t *clause)
{
	const char *word = text_of(clause, "state");
	_buf_ struct buf remarks = BUF_INIT;

	if (!strcmp(word, "satisfied"))
		return json_pack("{s:s, s:s, s:s}", "state", "satisfied", "reason", "pass", "remarks",
				 "The check described in the observation held on every record of the range. This is no legal opinion.");
	if (!strcmp(word, "not satisfied"))
		return json_pack("{s:s, s:s, s:s}", "state", "not-satisfied", "reason", "fail", "remarks", "The records listed as offending are the reason.");
	buf_add_str(&remarks, "NOT SHOWN: nothing was found for or against; OSCAL has no state for that, so it stands as not-satisfied with the "
			"reason other. Needed: ");
	join(json_object_get(clause, "needed"), &remarks);
	return json_pack("{s:s, s:s, s:s}", "state", "not-satisfied", "reason", "other", "remarks", remarks.data ? remarks.data : "NOT SHOWN");
}

static json_t *finding(const json_t *doc, const json_t *clause)
{
	_buf_ struct buf id = BUF_INIT, title = BUF_INIT;
	char uuid[UUID_SIZE], observation_uuid[UUID_SIZE];
	const char *word = text_of(clause, "state");
	json_t *props = json_array(), *f;

	id_of(doc, "finding", text_of(clause, "id"), uuid);
	id_of(doc, "observation", text_of(clause, "id"), observation_uuid);
	token(doc, text_of(clause, "id"), &id);
	buf_printf(&title, "%s: %s", text_of(clause, "id"), text_of(clause, "title"));
	json_array_append_new(props, prop("result", !strcmp(word, "satisfied") ? "satisfied" : !strcmp(word, "not satisfied") ? "not-satisfied" :
					  "not-shown"));
	json_array_append_new(props, prop("clause", text_of(clause, "id")));
	json_array_append_new(props, prop("reading", text_of(clause, "source")));
	f = json_pack("{s:s, s:s, s:s, s:o, s:{s:s, s:s, s:o}}", "uuid", uuid, "title", title.data ? title.data : "", "description",
		      text_of(clause, "in_force"), "props", props, "target", "type", "objective-id", "target-id", id.data ? id.data : "", "status",
		      status(clause));
	if (was_looked_at(clause))
		json_object_set_new(f, "related-observations", json_pack("[{s:s}]", "observation-uuid", observation_uuid));
	return f;
}

static json_t *reviewed(const json_t *doc)
{
	json_t *controls = json_array(), *clause;
	size_t i;

	json_array_foreach(json_object_get(doc, "clauses"), i, clause) {
		_buf_ struct buf id = BUF_INIT;

		token(doc, text_of(clause, "id"), &id);
		json_array_append_new(controls, json_pack("{s:s}", "control-id", id.data ? id.data : ""));
	}
	return json_pack("{s:s, s:[{s:s, s:o}]}", "description", "Identifiers are polyward's own, made from the clauses; there is no published OSCAL "
			"catalog of this law.",
			 "control-selections", "description", "Every clause of the report", "include-controls", controls);
}

/* What the records do not cover: whoever reads findings alone must find it beside them. */
static json_t *result_props(const json_t *doc)
{
	static const char *const times[][2] = { { "not_recorded", "seconds-not-recorded" }, { "not_enforced", "seconds-told-not-to-enforce" },
		{ "enforcement_not_known", "seconds-enforcement-not-known" }, { "mode_audit", "store-seconds-in-mode-audit" } };
	const json_t *log = json_object_get(doc, "log"), *gaps = json_object_get(doc, "gaps"), *coverage = json_object_get(doc, "coverage");
	json_t *list = json_array();
	char text[64];

	(void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(json_object_get(log, "size")));
	json_array_append_new(list, prop("tree-size", text));
	json_array_append_new(list, prop("tree-root", text_of(log, "root")));
	json_array_append_new(list, prop("signer", text_of(log, "signer")));
	json_array_append_new(list, prop("log-verified", text_of(log, "verified")));
	(void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(json_object_get(gaps, "events")));
	json_array_append_new(list, prop("lost-events", text));
	(void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(json_object_get(gaps, "unaccounted")));
	json_array_append_new(list, prop("events-in-no-record", json_is_true(json_object_get(gaps, "accounted_for")) ||
					 json_integer_value(json_object_get(gaps, "unaccounted")) ? text : "not known"));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		(void)snprintf(text, sizeof(text), "%.1f", json_real_value(json_object_get(json_object_get(coverage, times[i][0]), "seconds")));
		json_array_append_new(list, prop(times[i][1], text));
	}
	json_array_append_new(list, prop("query", text_of(doc, "query")));
	return list;
}

static json_t *result(const json_t *doc)
{
	const json_t *log = json_object_get(doc, "log"), *range = json_object_get(doc, "range");
	json_t *observations = json_array(), *findings = json_array(), *clause, *r;
	_buf_ struct buf words = BUF_INIT;
	char uuid[UUID_SIZE];
	size_t i;

	id_of(doc, "result", "", uuid);
	json_array_foreach(json_object_get(doc, "clauses"), i, clause) {
		if (was_looked_at(clause))
			json_array_append_new(observations, observation(doc, clause));
		json_array_append_new(findings, finding(doc, clause));
	}
	buf_printf(&words, "Computed from %lld records of polyward's access log and the policies archived beside it.",
		   (long long)json_integer_value(json_object_get(log, "records_in_range")));
	r = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "uuid", uuid, "title", text_of(doc, "title"), "description",
		      words.data ? words.data : "", "start", text_of(range, "since"), "end", text_of(range, "until"), "props",
		      result_props(doc), "reviewed-controls", reviewed(doc), "findings", findings);
	if (json_array_size(observations))
		json_object_set(r, "observations", observations);
	json_decref(observations);
	return r;
}

json_t *report_oscal(const json_t *doc)
{
	char uuid[UUID_SIZE], plan[UUID_SIZE], log_uuid[UUID_SIZE], href[UUID_SIZE + 1];
	_buf_ struct buf origin = BUF_INIT;

	if (!json_array_size(json_object_get(doc, "clauses")))
		return NULL;
	id_of(doc, "document", "", uuid);
	id_of(doc, "resource", "plan", plan);
	id_of(doc, "resource", "log", log_uuid);
	(void)snprintf(href, sizeof(href), "#%s", plan);
	buf_printf(&origin, "The access log %s", *text_of(json_object_get(doc, "log"), "origin") ? text_of(json_object_get(doc, "log"),
			"origin") : "of this host");
	return json_pack("{s:{s:s, s:o, s:{s:s, s:s}, s:[o], s:{s:[{s:s, s:s, s:s}, {s:s, s:s, s:s}]}}}", "assessment-results", "uuid", uuid, "metadata",
			 metadata(doc), "import-ap", "href", href, "remarks", "There is no separate assessment plan: what is checked for each clause "
					"is built into the tool.",
			 "results", result(doc), "back-matter", "resources", "uuid", plan, "title", "The clauses and checks of polyward", "description",
			 "The table userspace/report/clauses.def of the tool's source, in the version named in the metadata.", "uuid", log_uuid, "title",
			 origin.data ? origin.data : "", "description", "Records are found again by the queries in the evidence; sampled ones come "
					"with inclusion proofs.");
}
