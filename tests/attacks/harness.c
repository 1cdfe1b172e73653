// SPDX-License-Identifier: Apache-2.0
/* The harness: runs the table and judges. See harness.h. */
#include "harness.h"

#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>

#define OUTPUT_MAX (1u << 20)
#define PATIENCE_MS 10000
#define BATCH 64 /* runs between two looks into the log */

static const struct row table[] = {
#define ATTACK(program, variant, who, expect, record, kernels, why) { #program, #variant, who, expect, record, kernels, why, PHASE },
#define PHASE 0
#include "attacks.def"
#undef PHASE
#define PHASE 1
#include "guard.def"
#undef PHASE
#define PHASE 2
#include "sealed.def"
#undef PHASE
#undef ATTACK
};

uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int command(const char *line)
{
	char whole[1024], said[2048];
	FILE *f;
	size_t n;
	int status;

	snprintf(whole, sizeof(whole), "{ %s; } 2>&1", line);
	f = popen(whole, "re");
	need(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = 0;
	status = pclose(f);
	if (status && n)
		say("# %s: %s", line, said);
	return status;
}

/* "6.12+": from there on; "6.1-": up to there; empty: all. */
static bool kernel_matches(const char *want)
{
	struct utsname u;
	unsigned int a, b, x, y;

	if (!*want)
		return true;
	need(!uname(&u) && sscanf(u.release, "%u.%u", &a, &b) == 2 && sscanf(want, "%u.%u", &x, &y) == 2);
	a = a * 1000 + b;
	x = x * 1000 + y;
	return strchr(want, '+') ? a >= x : strchr(want, '-') ? a <= x : a == x;
}

static int uid_of(char who)
{
	switch (who) {
	case 'U': return USER;
	case 'L': return LISTER;
	case 'R': case 'S': return READER;
	case 'W': return WRITER;
	case 'K': return KEEPER;
	case '0': return ROOT;
	default: broken("nobody is called '%c'", who);
	}
}

static const char *name_of(char who)
{
	switch (who) {
	case 'U': return "user";
	case 'L': return "lister";
	case 'R': return "reader";
	case 'W': return "writer";
	case 'S': return "reader who can change user";
	case 'K': return "keeper who can change user";
	default: return "root";
	}
}

static void be_attacker(const struct stage *s, const struct row *row, char who, int out)
{
	const struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };
	char path[512], me_text[16];
	int uid = uid_of(who);

	snprintf(path, sizeof(path), "%s/%s", s->bins, row->program);
	snprintf(me_text, sizeof(me_text), "%d", uid);
	setenv("PW_ME", me_text, 1);
	setpgid(0, 0);
	/* A command that was put into the background ignores these; an attacker's children need not. */
	signal(SIGQUIT, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	setrlimit(RLIMIT_CORE, &core);
	need(dup2(out, 1) == 1 && dup2(out, 2) == 2);
	need(!chdir(SCRATCH));
	umask(0);
	if (who == 'S' || who == 'K')
		need(!setresuid((uid_t)uid, 0, 0));
	else if (uid)
		become(uid);
	execl(path, path, row->variant, NULL);
	broken("%s: %m", path);
}

/* Collect what it prints until it ends, or its time does. Returns where the output ends. */
static char *listen_to(int from, int pid, struct outcome *o)
{
	char *text = malloc(OUTPUT_MAX + 1);
	uint64_t until = boot_ns() + PATIENCE_MS * 1000000ull;
	size_t n = 0;
	int status = 0, ended = 0;

	need(text);
	while (!ended || n < OUTPUT_MAX) {
		struct pollfd p = { .fd = from, .events = POLLIN };
		ssize_t got_bytes;

		/* Children that go on may hold the pipe: what counts is that the attack itself has ended. */
		if (!ended && waitpid(pid, &status, WNOHANG) == pid)
			ended = 1;
		if (boot_ns() > until) {
			o->late = true;
			break;
		}
		if (poll(&p, 1, ended ? 0 : 20) == 0 && ended)
			break;
		if (!(p.revents & (POLLIN | POLLHUP)))
			continue;
		got_bytes = read(from, text + n, OUTPUT_MAX - n);
		if (got_bytes <= 0)
			break;
		n += (size_t)got_bytes;
	}
	if (!ended) {
		if (o->late)
			kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	kill(-pid, SIGKILL);
	o->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	text[n] = 0;
	o->output = text;
	return text + n;
}

/* The first lines in which the two differ. */
static char *differences(const char *before, const char *after)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	need(f);
	for (int n = 0; (*before || *after) && n < 3;) {
		size_t a = strcspn(before, "\n"), b = strcspn(after, "\n");

		if (a != b || memcmp(before, after, a)) {
			fprintf(f, "was %.*s\n", (int)a, before);
			fprintf(f, "is  %.*s\n", (int)b, after);
			n++;
		}
		before += a + (before[a] == '\n');
		after += b + (after[b] == '\n');
	}
	fclose(f);
	return text;
}

static void run_one(struct stage *s, struct outcome *o)
{
	int ends[2], pid;
	char *now, *end;

	stage_victim(s);
	if (!s->control)
		stage_viewer(s);
	need(!pipe2(ends, O_CLOEXEC));
	o->from_ns = boot_ns();
	pid = fork();
	need(pid >= 0);
	if (!pid)
		be_attacker(s, o->row, o->who, ends[1]);
	close(ends[1]);
	end = listen_to(ends[0], pid, o);
	close(ends[0]);
	o->to_ns = boot_ns();
	o->leaked = memmem(o->output, (size_t)(end - o->output), s->marker, MARKER_LEN) || stage_leaked(s);
	stage_sweep();
	now = witness_look(s);
	o->changed = strcmp(now, s->manifest) != 0;
	if (o->changed) {
		o->changes = differences(s->manifest, now);
		witness_restore(s);
		/* Then what was opened early is no longer what it was: the next attack shall find it so. */
		if (s->control)
			stage_early(s);
	}
	free(now);
	if (!s->control && (o->row->phase || o->changed))
		stage_mend(s);
}

/* ---- the verdict ---- */
static bool is_expected(const struct outcome *o)
{
	char *copy = strdup(o->row->expect), *rest = copy, *one;
	bool yes = false;

	while (copy && (one = strsep(&rest, "|")))
		yes |= !strcmp(one, "nothing") ? o->status == CAME_TO_NOTHING : !strcmp(one, "done") ? o->status == 0 :
		       o->status > 0 && o->status < 134 && !strcmp(one, strerrorname_np(o->status) ? strerrorname_np(o->status) : "?");
	free(copy);
	return yes;
}

static void comment(const char *head, const char *text)
{
	/* Whatever came out may be binary. */
	for (int lines = 0; text && *text && lines < 8; lines++) {
		size_t n = strcspn(text, "\n");

		printf("# %s", head);
		for (size_t i = 0; i < n && i < 300; i++)
			putchar(text[i] >= ' ' && text[i] < 127 ? text[i] : '?');
		putchar('\n');
		text += n + (text[n] == '\n');
	}
}

static const char *status_word(const struct outcome *o, char *ret, size_t size)
{
	snprintf(ret, size, "%s", o->status == 0 ? "it worked" : o->status == CAME_TO_NOTHING ? "came to nothing" :
		 o->status == BROKEN ? "could not begin" : o->status == PARTLY ? "worked in part" :
		 strerrorname_np(o->status) ? strerrorname_np(o->status) : "died");
	return ret;
}

static bool verdict(const struct outcome *o, int number)
{
	const struct row *r = o->row;
	bool no_record = !strcmp(r->record, "-");
	bool good = is_expected(o) && !o->leaked && !o->changed && !o->late && (no_record || o->recorded);
	char status[40];

	(void)status_word(o, status, sizeof(status));
	if (o->status == NOT_HERE) {
		comment("", o->output);
		printf("ok %d - %s %s as %s # SKIP not on this machine\n", number, r->program, r->variant, name_of(o->who));
		return true;
	}
	if (!good) {
		printf("# ended with: %s (%d); wanted: %s%s%s%s\n", status, o->status, r->expect, o->late ? "; was not done in time" : "",
		       o->leaked ? "; THE SECRET CAME OUT" : "", o->changed ? "; THE STORES CHANGED" : "");
		if (!no_record && !o->recorded)
			printf("# wanted in the log: %s of uid %d; there is: %s\n", r->record, o->uid, o->seen ? o->seen : "nothing");
		comment("", o->changes);
		comment("> ", o->output);
	}
	printf("%sok %d - %s %s as %s: %s%s\n", good ? "" : "not ", number, r->program, r->variant, name_of(o->who),
	       good ? status : r->why, good ? no_record ? "" : ", recorded" : "");
	return good;
}

/*
 * Without any policy: an attack that does not succeed even then would prove nothing when it is refused. Rows without a record are
 * those that the kernel itself stops, or that do not succeed by a call; how they end is shown.
 */
static bool control_verdict(const struct outcome *o, int number)
{
	const struct row *r = o->row;
	bool won = !o->late && (o->status == 0 || o->leaked || o->changed), excused = !strcmp(r->record, "-");
	char ending[40];

	if (o->status == NOT_HERE) {
		comment("", o->output);
		printf("ok %d - without a policy %s %s as %s # SKIP not on this machine\n", number, r->program, r->variant, name_of(o->who));
		return true;
	}
	if (!won && !excused)
		comment("> ", o->output);
	printf("%sok %d - without a policy %s %s as %s: %s%s\n", won || excused ? "" : "not ", number, r->program, r->variant, name_of(o->who),
	       o->leaked ? "the secret came out" : o->changed ? "the stores changed" : status_word(o, ending, sizeof(ending)),
	       won || !excused ? "" : ", as its row says");
	return won || excused;
}

/* Any of these shell patterns, or none given. */
static bool is_asked_for(const char *const only[], const char *name)
{
	if (!*only)
		return true;
	for (; *only; only++)
		if (!fnmatch(*only, name, 0))
			return true;
	return false;
}

struct tally { int number, failed; };

/* Judge what has run and forget it. */
static void flush(const struct stage *s, struct outcome *list, size_t *count, struct tally *t)
{
	if (!s->control)
		records_match(list, *count);
	for (size_t i = 0; i < *count; i++) {
		t->failed += !(s->control ? control_verdict : verdict)(&list[i], ++t->number);
		free(list[i].output);
		free(list[i].changes);
		free(list[i].seen);
	}
	*count = 0;
}

static void run_phase(struct stage *s, int phase, const char *const only[], struct tally *t)
{
	struct outcome list[BATCH];
	char name[128];
	size_t count = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct row *r = &table[i];
		/* Root tries everything that it tries at all; else whoever comes first. */
		const char first[2] = { strchr(r->who, '0') ? '0' : *r->who, 0 };

		snprintf(name, sizeof(name), "%s/%s", r->program, r->variant);
		if (r->phase != phase || !kernel_matches(r->kernels) || !is_asked_for(only, name))
			continue;
		if (s->control && !strcmp(r->program, "cached")) {
			printf("ok %d - %s # SKIP once it has succeeded, these kernels panic when ecryptfs goes\n", ++t->number, name);
			continue;
		}
		for (const char *who = s->control ? first : r->who; *who; who++) {
			struct outcome *o = &list[count++];

			*o = (struct outcome){ .row = r, .who = *who, .uid = uid_of(*who) };
			run_one(s, o);
			if (count == BATCH)
				flush(s, list, &count, t);
		}
	}
	flush(s, list, &count, t);
}

int main(int argc, char **argv)
{
	static struct stage s; /* big, and lives as long as the program */
	const char *const *only;
	struct tally t = { 0, 0 };
	uint64_t marker[2];

	need(argc > 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	umask(0);
	s.bins = argv[1];
	s.control = argc > 2 && !strcmp(argv[2], "--control");
	only = (const char *const *)argv + 2 + s.control;
	need(!getentropy(marker, sizeof(marker)));
	snprintf(s.marker, sizeof(s.marker), "%016jx%016jx", (uintmax_t)marker[0], (uintmax_t)marker[1]);
	stage_build(&s);
	witness_start(&s);
	stage_early(&s);
	stage_sweep();
	if (!s.control)
		stage_policy(&s);
	stage_victim(&s);
	s.manifest = witness_look(&s);
	printf("# ready after %ju ms, %zu rows\n", (uintmax_t)(boot_ns() / 1000000), sizeof(table) / sizeof(table[0]));
	for (int phase = 0; phase < (s.control ? 1 : 3); phase++) {
		/* Sealed for good, so last. */
		if (phase == 2)
			stage_seal(&s);
		run_phase(&s, phase, only, &t);
	}
	printf("# %d runs, %d failed, over after %ju ms\n1..%d\n", t.number, t.failed, (uintmax_t)(boot_ns() / 1000000), t.number);
	kill(s.victim, SIGKILL);
	return t.failed > 0;
}
