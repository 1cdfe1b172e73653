// SPDX-License-Identifier: Apache-2.0
/* A filesystem above a store that keeps what it read: ecryptfs, let through what is not encrypted. Read once with a role, then without. */
#include "attack.h"

#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>

/* linux/ecryptfs.h: what the kernel wants to see in the key before it mounts. */
struct token {
	uint16_t version, type;
	uint32_t flags, key_flags, encrypted_bytes, decrypted_bytes;
	uint8_t encrypted[512], decrypted[64], reserved[32];
	uint32_t password_bytes;
	int32_t hash;
	uint32_t iterations, key_bytes, password_flags;
	uint8_t key[64], signature[17], salt[8], rest[512];
} __attribute__((packed));

#define SIGNATURE "0123456789abcdef"

static const char *above(void)
{
	static char path[64];
	static struct token t = { .version = 4, .key_bytes = 64, .password_flags = 2 };

	memcpy(t.signature, SIGNATURE, 17);
	memset(t.key, 7, sizeof(t.key));
	own_namespaces(0);
	need(syscall(SYS_keyctl, 1, "pw") > 0); /* a session keyring of our own */
	need(syscall(SYS_add_key, "user", SIGNATURE, &t, offsetof(struct token, rest) + 0ul, -3) > 0);
	need(!mkdir(SCRATCH2 "/m", 0777));
	if (mount(STORE, SCRATCH2 "/m", "ecryptfs", 0, "ecryptfs_sig=" SIGNATURE ",ecryptfs_passthrough,ecryptfs_cipher=aes,ecryptfs_key_bytes=16"))
		return NULL;
	snprintf(path, sizeof(path), SCRATCH2 "/m/of-%d.txt", me());
	return path;
}

static int refused(void)
{
	if (errno == ENODEV || errno == ENOENT)
		not_here("no ecryptfs: %m");
	return attempt("mount", -1);
}

static int read_once(void)
{
	const char *path = above();
	char bytes[FILE_BYTES];
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (!path)
		return refused();
	need(fd >= 0);
	need(read(fd, bytes, sizeof(bytes)) == sizeof(bytes));
	become(USER);
	return take_path(path);
}

static int mapped(void)
{
	const char *path = above();
	char bytes[FILE_BYTES];
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char *at;

	if (!path)
		return refused();
	need(fd >= 0);
	need(read(fd, bytes, sizeof(bytes)) == sizeof(bytes));
	become(USER);
	at = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return attempt("map", -1);
	got(at, 512);
	return 0;
}

VARIANTS({ "read_once", read_once }, { "mapped", mapped })
