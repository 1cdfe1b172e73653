/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attack needs and all have in common: where things are, who it is, and a way to say how it ended. An attack tries one way
 * around; it prints what it obtained, and its exit status is how the decisive step ended. It undoes only what
 * would spoil all that comes after, and never what is not seen in the exit status.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* The guest's disk: everything here is one filesystem, so that links and renames fail for the right reason. */
#define AI       "/srv/ai"
#define STORE    "/srv/ai/scans"
#define NOTES    "/srv/ai/notes"        /* a second store with other rights */
#define SECRET   "/srv/ai/scans/secret.txt"
#define OUTSIDE  "/srv/outside"         /* no store; holds old-link, a hard link made before the policy */
#define OLD_LINK "/srv/outside/old-link"
#define SCRATCH  "/srv/scratch"         /* emptied before each attack; whatever lies here afterwards was obtained */
#define SCRATCH2 "/tmp/scratch"         /* the same on a tmpfs */
#define VIEWER   "/srv/bin/viewer"      /* the program that role viewer names: anybody who runs it may read */
#define CLONES   "/srv/xfs/store"       /* a store on a filesystem that can clone; may be missing */
#define HOLLOW   "/srv/ai/hollow"       /* a store with nothing in it yet */
#define SMALL    "/srv/small/store"     /* a store on an ext4 of its own, small enough to be harmed as a whole, without checksums */
#define RAM      "/srv/ram/store"       /* a store on a tmpfs: its pages are what every ring takes for a buffer */
#define DISK     "/dev/vda"             /* the block device under /srv */
#define UNIT     "/sys/fs/cgroup/system.slice/reader.service" /* the control group of the unit that role unit-reader names */

/* Opened by root before any policy and handed down; each on early.txt or the store. */
enum early {
	EARLY_READ = 100, EARLY_WRITE, EARLY_DIR, EARLY_PATH, EARLY_RING, EARLY_SQ_ROOT, EARLY_SQ_KEEPER, EARLY_DISK, EARLY_DISK_WRITE,
	EARLY_EXEC, EARLY_CLONE, EARLY_OVERLAY, EARLY_EMPTY, EARLY_RAM, EARLY_LAST_
};
#define EARLY    "/srv/ai/scans/early.txt"

/* Who attacks. The keeper may do everything; the victim runs as the keeper. */
enum { ROOT = 0, USER = 3001, LISTER = 3002, READER = 3003, WRITER = 3004, KEEPER = 3005 };

#define FILE_BYTES 8192 /* size of every file in a store; its marker stands at the start of each 512 bytes */

/* Exit statuses beside 0 (it worked) and errno values (it was refused). */
enum { CAME_TO_NOTHING = 250, NOT_HERE = 251, BROKEN = 252, PARTLY = 253 };

struct variant { const char *name; int (*run)(void); };

/* The end of the decisive step: prints "what: errno" and returns 0 or errno, for run() to return. */
int attempt(const char *what, long rc);
/* Print what was obtained, as it is. */
void got(const void *bytes, long count);
/* Read from the descriptor and print. 0 or errno. */
int take(int fd);
/* Open and read the whole file, printing it. */
int take_path(const char *path);
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The attack cannot even begin: a fault of the test, never a pass. */
void broken(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* This kernel or machine has no such thing. */
void not_here(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
#define need(good) do { if (!(good)) broken("%s:%d: %s: %m", __FILE__, __LINE__, #good); } while (0)

/* The file of the store that belongs to the caller, so that mode bits never are what stops it; the same for a directory. */
const char *mine(void);
const char *my_dir(void);
/* The number in the name of mine(): who began, whatever namespace it is in now. */
int me(void);
void become(int id);
/* A user and mount namespace of one's own with root in it (root itself: only the mount namespace), mounts private. */
void own_namespaces(int more);
/* Run the program, wait: its exit status, or 128 + signal. Output goes to ours. */
int run_program(const char *const argv[]);
/* Write the words to a file that is there. 0 or errno. */
int put(const char *path, const char *words);
/* Make a file outside of every store with some content. */
void make_file(const char *path, mode_t mode);

/* The victim: a role holder's process. It tells its process id, where the secret lies in its memory, and its descriptor on it. */
#define VICTIM_SOCKET "\0pw-victim" /* abstract */
struct victim { int pid; int fd; int dir; int memory; uint64_t address, shared; }; /* memory: a memory file; shared: memory for its children */
struct victim victim(void);
/* Ask the victim to pass one of its open files ('r' for reading, 'w' for writing, 'd' the directory, 'b' both). -1 and errno. */
int victim_passes(char what);

/* A process that holds no role and stays below us until we end. */
int child(int (*run)(void *), void *arg);
int reap(int pid);

int attack(int argc, char **argv, const struct variant *list, size_t count);
#define VARIANTS(...) \
	int main(int argc, char **argv) \
	{ \
		static const struct variant variants_[] = { __VA_ARGS__ }; \
		return attack(argc, argv, variants_, sizeof(variants_) / sizeof(variants_[0])); \
	}

#endif
