/* SPDX-License-Identifier: Apache-2.0 */
/* audit: the tree against published roots and a second, plainer implementation; every proof of small trees; wide hashing against libcrypto. */
#include "test.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "audit/hash.h"
#include "base/cleanup.h"
#include "base/num.h"

#define LEAVES_MAX 70000u

/* Roots of the trees of 1 to 8 of these entries, as in the tests of the first implementations of RFC 6962. */
static const char *const entries[] = { "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f" };
static const char *const roots[] = {
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

/* A log in memory: levels of hashes, tiles cut out of them. widest: what a source may be asked for at a tree of that size. */
struct memory { struct tree_hash *level[4]; uint64_t size; unsigned asked; bool wrong; };

static int memory_tile(void *ctx, int level, uint64_t tile_idx, unsigned width, struct tree_hash *ret)
{
	struct memory *m = ctx;
	uint64_t there = m->size >> 8 * level, first = tile_idx * TREE_TILE_WIDTH;

	m->asked++;
	if (level < 0 || level > 3 || width < 1 || width > TREE_TILE_WIDTH || first + width > there) {
		m->wrong = true;
		return -ENOENT;
	}
	/* Only tiles that the format has at this size: full ones, and the partial one at the end. */
	if (width < TREE_TILE_WIDTH && first + width != there)
		m->wrong = true;
	memcpy(ret, m->level[level] + first, width * sizeof(*ret));
	return 0;
}

static void plain_root(const struct tree_hash *leaves, uint64_t n, struct tree_hash *ret)
{
	struct tree_hash left, right;
	uint64_t k = 1;

	if (n <= 1) {
		if (n)
			*ret = leaves[0];
		else
			tree_empty(ret);
		return;
	}
	while (k * 2 < n)
		k *= 2;
	plain_root(leaves, k, &left);
	plain_root(leaves + k, n - k, &right);
	tree_node(&left, &right, ret);
}

static struct tree_hash *memory_leaves(void)
{
	static struct tree_hash *leaves; /* the same for every case: only read */

	if (leaves)
		return leaves;
	leaves = calloc(LEAVES_MAX, sizeof(*leaves));
	for (uint32_t i = 0; leaves && i < LEAVES_MAX; i++)
		tree_leaf(&i, sizeof(i), &leaves[i]);
	return leaves;
}

static void memory_fill(struct memory *m, uint64_t size)
{
	m->size = size;
	m->level[0] = memory_leaves();
	for (int l = 1; l < 4; l++) {
		uint64_t count = size >> 8 * l;

		m->level[l] = calloc(count + 1, sizeof(struct tree_hash));
		for (uint64_t i = 0; i < count; i++)
			plain_root(m->level[l - 1] + i * 256, 256, &m->level[l][i]);
	}
}

static void memory_free(struct memory *m)
{
	for (int l = 1; l < 4; l++)
		free(m->level[l]);
}
#define _memory_ __attribute__((cleanup(memory_free)))

static bool same(const struct tree_hash *a, const struct tree_hash *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void the_published_roots(void)
{
	struct tree_hash leaves[8], root, want;
	struct memory m = { .level = { leaves } };
	const struct tree_source src = { &m, memory_tile };
	uint8_t bytes[16];

	for (size_t i = 0; i < 8; i++) {
		size_t n = strlen(entries[i]) / 2;

		CHECK_INT(num_parse_hex(entries[i], 2 * n, bytes, n), 0);
		tree_leaf(bytes, n, &leaves[i]);
		m.size = i + 1;
		CHECK_INT(tree_root(&src, i + 1, &root), 0);
		CHECK_INT(num_parse_hex(roots[i], 64, want.v, 32), 0);
		CHECK(same(&root, &want));
	}
	CHECK_INT(tree_root(&src, 0, &root), 0);
	CHECK_INT(num_parse_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 64, want.v, 32), 0);
	CHECK(same(&root, &want));
}

static void paths_are_those_of_the_format(void)
{
	char path[TREE_PATH_SIZE];

	tree_path(0, 1234067, 256, path);
	CHECK_STR(path, "tile/0/x001/x234/067");
	tree_path(2, 0, 0, path);
	CHECK_STR(path, "tile/2/000");
	tree_path(1, 1, 17, path);
	CHECK_STR(path, "tile/1/001.p/17");
	tree_path(TREE_ENTRIES, 273, 112, path);
	CHECK_STR(path, "tile/entries/273.p/112");
	tree_path(TREE_ENTRIES, 1000, 256, path);
	CHECK_STR(path, "tile/entries/x001/000");
	tree_path(TREE_ENTRIES, UINT64_MAX >> 8, 255, path);
	CHECK_STR(path, "tile/entries/x072/x057/x594/x037/x927/935.p/255");
}

static const uint64_t sizes[] = { 1, 2, 3, 255, 256, 257, 511, 512, 1000, 65535, 65536, 65537, 65793, 70000 };

static void roots_from_tiles_are_the_tree_s(void)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		_memory_ struct memory m = { 0 };
		const struct tree_source src = { &m, memory_tile };
		struct tree_hash root, want;

		memory_fill(&m, sizes[i]);
		CHECK_INT(tree_root(&src, sizes[i], &root), 0);
		plain_root(m.level[0], sizes[i], &want);
		CHECK(same(&root, &want));
		CHECK(!m.wrong);
	}
}

static void every_inclusion_proof_of_small_trees(void)
{
	for (uint64_t size = 1; size <= 40; size++) {
		_memory_ struct memory m = { 0 };
		const struct tree_source src = { &m, memory_tile };
		struct tree_proof p;
		struct tree_hash root;

		memory_fill(&m, size);
		CHECK_INT(tree_root(&src, size, &root), 0);
		CHECK_INT(tree_inclusion(&src, size, size, &p), -ERANGE);
		for (uint64_t i = 0; i < size; i++) {
			CHECK_INT(tree_inclusion(&src, i, size, &p), 0);
			for (uint64_t k = 0; k < size; k++)
				CHECK(tree_check_inclusion(&m.level[0][k], k, size, &p, &root) == (k == i));
			for (size_t k = 0; k < p.count; k++) {
				p.v[k].v[k % 32] ^= 1;
				CHECK(!tree_check_inclusion(&m.level[0][i], i, size, &p, &root));
				p.v[k].v[k % 32] ^= 1;
			}
			if (p.count) {
				p.count--;
				CHECK(!tree_check_inclusion(&m.level[0][i], i, size, &p, &root));
			}
		}
	}
}

static void every_consistency_proof_of_small_trees(void)
{
	for (uint64_t size = 1; size <= 40; size++) {
		_memory_ struct memory m = { 0 };
		const struct tree_source src = { &m, memory_tile };
		struct tree_hash root, old_root, other;
		struct tree_proof p;

		memory_fill(&m, size);
		plain_root(m.level[0], size, &root);
		CHECK_INT(tree_consistency(&src, size + 1, size, &p), -ERANGE);
		for (uint64_t old = 0; old <= size; old++) {
			plain_root(m.level[0], old, &old_root);
			CHECK_INT(tree_consistency(&src, old, size, &p), 0);
			CHECK(tree_check_consistency(old, &old_root, size, &root, &p));
			other = old_root;
			other.v[0] ^= 1;
			CHECK(!tree_check_consistency(old, &other, size, &root, &p));
			other = root;
			other.v[31] ^= 1;
			CHECK(old == 0 || !tree_check_consistency(old, &old_root, size, &other, &p));
			if (p.count) {
				p.v[p.count - 1].v[5] ^= 1;
				CHECK(!tree_check_consistency(old, &old_root, size, &root, &p));
				p.v[p.count - 1].v[5] ^= 1;
				p.count--;
				CHECK(!tree_check_consistency(old, &old_root, size, &root, &p));
			}
		}
	}
}

static void proofs_of_large_trees_read_few_tiles(void)
{
	static const uint64_t at[] = { 0, 1, 255, 256, 65535, 65536, 69999 };
	_memory_ struct memory m = { 0 };
	const struct tree_source src = { &m, memory_tile };
	struct tree_hash root, old_root;
	struct tree_proof p;

	memory_fill(&m, 70000);
	CHECK_INT(tree_root(&src, 70000, &root), 0);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		m.asked = 0;
		CHECK_INT(tree_inclusion(&src, at[i], 70000, &p), 0);
		CHECK(m.asked <= 8);
		CHECK(tree_check_inclusion(&m.level[0][at[i]], at[i], 70000, &p, &root));
		plain_root(m.level[0], at[i] + 1, &old_root);
		CHECK_INT(tree_consistency(&src, at[i] + 1, 70000, &p), 0);
		CHECK(tree_check_consistency(at[i] + 1, &old_root, 70000, &root, &p));
	}
	CHECK(!m.wrong);
}

/* Messages of these lengths, each side by side with the others and through libcrypto alone: NULL, or what differs. */
static const char *compare(const struct tree_bytes *messages, size_t count, struct tree_hash *room)
{
	static const uint8_t domains[] = { 0x00, 0x01 };
	struct tree_hash want;

	for (size_t d = 0; d < sizeof(domains) && __builtin_cpu_supports("avx2"); d++) {
		memset(room, 0, count * sizeof(*room));
		hash_wide(domains[d], messages, count, room);
		for (size_t i = 0; i < count; i++) {
			hash_each(domains[d], &messages[i], 1, &want);
			if (!same(&room[i], &want))
				return "another hash than libcrypto's";
		}
	}
	tree_leaves(messages, count, room);
	for (size_t i = 0; i < count; i++) {
		tree_leaf(messages[i].bytes, messages[i].len_bytes, &want);
		if (!same(&room[i], &want))
			return "another leaf than alone";
	}
	return NULL;
}

static uint32_t any(uint32_t *x)
{
	return (*x = *x * 1664525 + 1013904223) >> 8;
}

static void many_at_once_are_what_one_is(void)
{
	enum { LONGEST = 70000, MANY = 2100 };
	_free_ uint8_t *bytes = malloc(LONGEST);
	_free_ struct tree_hash *room = calloc(MANY, sizeof(*room));
	_free_ struct tree_bytes *m = calloc(MANY, sizeof(*m));
	uint32_t x = 12345;

	CHECK(bytes && room && m);
	for (size_t i = 0; i < LONGEST; i++)
		bytes[i] = (uint8_t)any(&x);
	/* Every length, none of them at the same place; then as many as one likes, beyond what is put in order at once. */
	for (size_t i = 0; i <= 1000; i++)
		m[i] = (struct tree_bytes){ bytes + i * 3, i };
	CHECK(!compare(m, 1001, room));
	for (size_t i = 0; i < MANY; i++)
		m[i] = (struct tree_bytes){ bytes + i, 56 + any(&x) % 200 };
	CHECK(!compare(m, MANY, room));
	/* Batches as a log has them: short ones, some longer, some sealed; few, and as many as lanes; and one as long as a record can be. */
	for (size_t round = 0; round < 60; round++) {
		size_t count = round < 20 ? round : 1 + any(&x) % 300;

		for (size_t i = 0; i < count; i++) {
			unsigned kind = any(&x) % 50;
			size_t len_bytes = kind == 0 ? 7900 + any(&x) % 400 : kind < 5 ? any(&x) % 1000 : 80 + any(&x) % 40;

			m[i] = (struct tree_bytes){ bytes + any(&x) % 1000, len_bytes };
		}
		if (round % 20 == 19)
			m[any(&x) % count].len_bytes = 65535;
		CHECK(!compare(m, count, room));
	}
}

/* Wide pieces are read at once: never one that begins before a message or ends behind it. */
static void nothing_beside_a_message_is_read(void)
{
	const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), room_bytes = 3 * page_bytes;
	struct tree_hash room[9];
	struct tree_bytes m[9];
	uint8_t *map = mmap(NULL, room_bytes + 2 * page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *first = map + page_bytes;

	CHECK(map != MAP_FAILED && mprotect(first, room_bytes, PROT_READ | PROT_WRITE) == 0);
	for (size_t i = 0; i < room_bytes; i++)
		first[i] = (uint8_t)(i * 7 + (i >> 8));
	for (size_t len_bytes = 0; len_bytes <= room_bytes; len_bytes += len_bytes < 700 ? 1 : 61) {
		for (size_t i = 0; i < 9; i++)
			m[i] = (struct tree_bytes){ i % 2 ? first : first + room_bytes - len_bytes, len_bytes };
		CHECK(!compare(m, 9, room));
	}
	munmap(map, room_bytes + 2 * page_bytes);
}

static void nodes_may_be_made_in_place(void)
{
	static struct tree_hash in[512], out[256]; /* too large for a stack frame */
	struct tree_hash want;

	memcpy(in, memory_leaves(), sizeof(in));
	tree_nodes(in, 512, out);
	for (size_t i = 0; i < 256; i++) {
		tree_node(&in[2 * i], &in[2 * i + 1], &want);
		CHECK(same(&out[i], &want));
	}
	for (size_t count = 0; count <= 512 && __builtin_cpu_supports("avx2"); count += count < 40 ? 1 : 59) {
		memcpy(in, memory_leaves(), sizeof(in));
		hash_wide_nodes(in, count, in);
		CHECK(!memcmp(in, out, count / 2 * sizeof(*in)));
	}
	memcpy(in, memory_leaves(), sizeof(in));
	tree_nodes(in, 512, in);
	CHECK(!memcmp(in, out, sizeof(out)));
}

TESTS(T(the_published_roots), T(paths_are_those_of_the_format), T(roots_from_tiles_are_the_tree_s), T(every_inclusion_proof_of_small_trees),
      T(every_consistency_proof_of_small_trees), T(proofs_of_large_trees_read_few_tiles), T(many_at_once_are_what_one_is), T(nothing_beside_a_message_is_read),
      T(nodes_may_be_made_in_place))
