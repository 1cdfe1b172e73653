// SPDX-License-Identifier: Apache-2.0
/* Renames in every direction, the exchange of two names, whiteouts, and the folders above. */
#include "attack.h"

#include <linux/fs.h>
#include <sys/syscall.h>

static long rename2(const char *from, const char *to, unsigned int flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static const char *bait(void)
{
	make_file(SCRATCH "/bait", 0666);
	return SCRATCH "/bait";
}

static int out(void)          { return attempt("rename out", rename(mine(), SCRATCH "/x")); }
static int into(void)         { return attempt("rename in", rename(bait(), STORE "/x")); }
static int over(void)         { return attempt("rename over", rename(bait(), mine())); }
static int within(void)       { return attempt("rename inside", rename(mine(), STORE "/x")); }
static int across(void)       { return attempt("rename to the other store", rename(mine(), NOTES "/x")); }
static int exchange(void)     { return attempt("exchange", rename2(bait(), mine(), RENAME_EXCHANGE)); }
static int exchange2(void)    { return attempt("exchange the other way", rename2(mine(), bait(), RENAME_EXCHANGE)); }
static int exchange_in(void)  { return attempt("exchange inside", rename2(mine(), STORE "/secret.txt", RENAME_EXCHANGE)); }
static int whiteout(void)     { return attempt("whiteout", rename2(mine(), SCRATCH "/x", RENAME_WHITEOUT)); }
static int noreplace(void)    { return attempt("rename, not over", rename2(mine(), SCRATCH "/x", RENAME_NOREPLACE)); }
/* These are undone if they succeed, which the exit status tells: everything after would be lost with them. */
static int moved(const char *what, const char *from, const char *to)
{
	int code = attempt(what, rename(from, to));

	need(code || !rename(to, from));
	return code;
}

static int root(void)         { return moved("move the store", STORE, SCRATCH "/x"); }
static int root_within(void)  { return moved("move the store beside", STORE, AI "/x"); }
static int parent(void)       { return moved("move the folder above", AI, "/srv/x"); }

static int folder_out(void)   { return attempt("move a folder out", rename(my_dir(), SCRATCH "/x")); }

static int over_root(void)
{
	need(!mkdir(SCRATCH "/d", 0777));
	return attempt("a folder over an empty store", rename(SCRATCH "/d", HOLLOW));
}

static int exchange_undone(const char *a, const char *b)
{
	int code = attempt("exchange", rename2(a, b, RENAME_EXCHANGE));

	if (!code)
		(void)rename2(a, b, RENAME_EXCHANGE);
	return code;
}

static int exchange_root(void)
{
	need(!mkdir(SCRATCH "/d", 0777));
	return exchange_undone(SCRATCH "/d", STORE);
}

static int exchange_parent(void)
{
	need(!mkdir(SCRATCH "/d", 0777));
	return exchange_undone(SCRATCH "/d", AI);
}

static int folder_in(void)
{
	need(!mkdir(SCRATCH "/d", 0777));
	return attempt("a folder into the store", rename(SCRATCH "/d", STORE "/x"));
}

VARIANTS({ "out", out }, { "into", into }, { "over", over }, { "within", within }, { "across", across }, { "exchange", exchange },
	 { "exchange2", exchange2 }, { "exchange_in", exchange_in }, { "whiteout", whiteout }, { "noreplace", noreplace },
	 { "root", root }, { "root_within", root_within }, { "parent", parent }, { "folder_out", folder_out }, { "over_root", over_root },
	 { "exchange_root", exchange_root }, { "exchange_parent", exchange_parent }, { "folder_in", folder_in })
