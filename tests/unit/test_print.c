/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical form and the JSON twin: equal policies have equal bytes, different ones do not. */
#include "test.h"

#include "front.h"

#define HEAD "polyward 1 policy p { version 1 } store a { path /srv/a } store b { path /srv/b } role r { members user:bob } " \
	"role s { members user:ann } "

static void hash_of(const char *rest, uint8_t ret[32])
{
	_front_ struct front f = { 0 };
	char text[2048];

	(void)snprintf(text, sizeof(text), HEAD "%s", rest);
	memset(ret, 0, 32);
	if (front_open(&f, text) == 0)
		(void)policy_hash(f.a, ret);
}

static bool same(const char *one, const char *other)
{
	static const uint8_t none[32];
	uint8_t x[32], y[32];

	hash_of(one, x);
	hash_of(other, y);
	return memcmp(x, y, 32) == 0 && memcmp(x, none, 32) != 0;
}

static void sets_have_no_order(void)
{
	CHECK(same("rule x { allow r, s to read, list on a, b when user bob, group ml }",
		   "rule x { when group ml, user bob on { b, a } to list, read allow { s, r } } # done"));
	CHECK(same("separate static { r, s } at-most 1", "separate static { s, r } at-most 1"));
	CHECK(same("time t { days mon-wed hours 20:00-00:00 }", "time t { zone UTC hours 20:00-24:00 days wed, tue, mon }"));
	CHECK(same("rule x { allow r to read on a when mfa within 2h }", "rule x { allow r to read on a when mfa within 120m }"));
}

static void what_differs_differs(void)
{
	CHECK(!same("rule x { allow r to read on a }", "rule x { allow r to read on b }"));
	CHECK(!same("rule x { allow r to read on a }", "rule x { deny r to read on a }"));
	CHECK(!same("rule x { allow r to read on a }", "rule y { allow r to read on a }"));
	CHECK(!same("rule x { allow r to read on a when user bob }", "rule x { allow r to read on a unless user bob }"));
	CHECK(!same("rule x { deny r to read on a }", "rule x { deny r to read on a absolute }"));
	CHECK(!same("rule x { deny r to read on a }", "rule x { deny r to read on a mode audit }"));
	CHECK(!same("store c { path /c strict }", "store c { path /c }"));
	CHECK(!same("store c { path /c on-tighten kill at once }", "store c { path /c on-tighten kill after 1s }"));
	CHECK(!same("store c { path /c on-tighten kill at once }", "store c { path /c }"));
	CHECK(same("store c { path /c on-tighten leave }", "store c { path /c }"));
	CHECK(same("store c { path /c on-tighten kill after 60s strict }", "store c { strict on-tighten kill after 1m path /c }"));
	CHECK(!same("rule x { allow r to read on a } rule y { allow r to list on a }",
		    "rule y { allow r to list on a } rule x { allow r to read on a }"));
}

static void a_known_hash_stays(void)
{
	static char text[] = "polyward 1\npolicy p { version 1 }\nstore a { path /srv/a }\n";
	static const char json[] = "{\"policy\":{\"log\":\"all\",\"mode\":\"enforce\",\"name\":\"p\",\"version\":\"1\"},\"polyward\":1,"
		"\"programs\":{},\"purposes\":{},\"roles\":{},\"rules\":[],\"separate\":[],\"stores\":{\"a\":{\"mode\":\"enforce\","
		"\"path\":\"/srv/a\"}},\"tests\":[],\"times\":{}}";
	_front_ struct front f = { 0 };
	_buf_ struct buf b = BUF_INIT, hex = BUF_INIT;
	uint8_t hash[32];

	CHECK_INT(front_open(&f, text), 0);
	CHECK_INT(policy_json(f.a, &b), 0);
	CHECK_STR(b.data, json);
	CHECK_INT(policy_hash(f.a, hash), 0);
	for (size_t i = 0; i < 32; i++)
		buf_printf(&hex, "%02x", hash[i]);
	CHECK_STR(hex.data, "43e6226c621b74226819884f57984d29c1e3efb9e444a3cc07144e6baf63447b");
}

static void a_tree_without_text_can_be_printed(void)
{
	static char text[] = HEAD "rule x { deny any to read on a unless role r mode audit }";
	_front_ struct front f = { 0 };
	_buf_ struct buf b = BUF_INIT;

	CHECK_INT(front_open(&f, text), 0);
	CHECK_INT(policy_format(NULL, f.a, &b), 0);
	CHECK_STR(b.data, "polyward 1\npolicy p { version 1 }\nstore a { path /srv/a }\nstore b { path /srv/b }\n"
			  "role r { members user:bob }\nrole s { members user:ann }\nrule x { deny any  to read  on a  unless role r  mode audit }\n");
}

static void a_block_breaks_behind_column_100(void)
{
	_buf_ struct buf text = BUF_INIT, b = BUF_INIT;
	_front_ struct front f = { 0 };

	/* "purpose a { "..." }" takes 16 columns of its own; an accent is one column and two bytes. */
	buf_printf(&text, "polyward 1\npurpose a { \"\xc3\xa9%083d\" }\npurpose b { \"\xc3\xa9%084d\" }\npolicy p { }\n", 0, 0);
	CHECK_INT(front_open(&f, text.data), 0);
	CHECK_INT(policy_format(&f.d.sources, f.a, &b), 0);
	CHECK(strstr(b.data, "\npurpose a { \""));
	CHECK(strstr(b.data, "\npurpose b {\n    \""));
}

TESTS(T(sets_have_no_order), T(what_differs_differs), T(a_known_hash_stays), T(a_tree_without_text_can_be_printed),
      T(a_block_breaks_behind_column_100))
