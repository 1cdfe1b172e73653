/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) of eight messages at a time, a message a lane, in GCC's vectors. For processors with wide registers and no SHA
 * instructions; tests compare it with libcrypto on every short length and on random batches. Long messages are begun first and those of
 * equal length side by side: a lane without work costs as much as one that has some.
 */
#include "audit/hash.h"

#include <cpuid.h>
#include <string.h>

#define LANES 8u
#define BLOCK 64u
#define WIDE  __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline)) WIDE
#define UNROLL _Pragma("GCC unroll 16") /* a loop over lanes or words is none in the end: each has its own register or place */

typedef uint32_t words __attribute__((vector_size(32)));
typedef uint8_t  octets __attribute__((vector_size(32)));
typedef float    floats __attribute__((vector_size(32))); /* as the instruction that looks at signs has them */

/* A constant stands in every lane, so that it is an operand from memory and costs no instruction of its own. */
#define ALL(x) { x, x, x, x, x, x, x, x }
static const words K[64] = {
	ALL(0x428a2f98), ALL(0x71374491), ALL(0xb5c0fbcf), ALL(0xe9b5dba5), ALL(0x3956c25b), ALL(0x59f111f1), ALL(0x923f82a4), ALL(0xab1c5ed5),
	ALL(0xd807aa98), ALL(0x12835b01), ALL(0x243185be), ALL(0x550c7dc3), ALL(0x72be5d74), ALL(0x80deb1fe), ALL(0x9bdc06a7), ALL(0xc19bf174),
	ALL(0xe49b69c1), ALL(0xefbe4786), ALL(0x0fc19dc6), ALL(0x240ca1cc), ALL(0x2de92c6f), ALL(0x4a7484aa), ALL(0x5cb0a9dc), ALL(0x76f988da),
	ALL(0x983e5152), ALL(0xa831c66d), ALL(0xb00327c8), ALL(0xbf597fc7), ALL(0xc6e00bf3), ALL(0xd5a79147), ALL(0x06ca6351), ALL(0x14292967),
	ALL(0x27b70a85), ALL(0x2e1b2138), ALL(0x4d2c6dfc), ALL(0x53380d13), ALL(0x650a7354), ALL(0x766a0abb), ALL(0x81c2c92e), ALL(0x92722c85),
	ALL(0xa2bfe8a1), ALL(0xa81a664b), ALL(0xc24b8b70), ALL(0xc76c51a3), ALL(0xd192e819), ALL(0xd6990624), ALL(0xf40e3585), ALL(0x106aa070),
	ALL(0x19a4c116), ALL(0x1e376c08), ALL(0x2748774c), ALL(0x34b0bcb5), ALL(0x391c0cb3), ALL(0x4ed8aa4a), ALL(0x5b9cca4f), ALL(0x682e6ff3),
	ALL(0x748f82ee), ALL(0x78a5636f), ALL(0x84c87814), ALL(0x8cc70208), ALL(0x90befffa), ALL(0xa4506ceb), ALL(0xbef9a3f7), ALL(0xc67178f2),
};
static const words FIRST[8] = {
	ALL(0x6a09e667), ALL(0xbb67ae85), ALL(0x3c6ef372), ALL(0xa54ff53a), ALL(0x510e527f), ALL(0x9b05688c), ALL(0x1f83d9ab), ALL(0x5be0cd19),
};

static bool has_sha(void)
{
#ifdef __clang__ /* knows no such feature by name; asking the processor each time is slow, and only fuzzers are built with it */
	unsigned a, b = 0, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
#else
	return __builtin_cpu_supports("sha");
#endif
}

bool hash_has_wide(void)
{
	return __builtin_cpu_supports("avx2") && !has_sha();
}

static const words NONE = { 0 };

/* Eight rows of eight words, turned so that ret[w] holds word w of all rows; each word's bytes swapped on the way. */
INLINE void turn(const uint8_t *const from[LANES], size_t off_bytes, words *ret)
{
	words r[LANES], s[LANES];

	UNROLL for (size_t i = 0; i < LANES; i++) {
		octets o;

		memcpy(&o, from[i] + off_bytes, sizeof(o));
		r[i] = (words)__builtin_shufflevector(o, o, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16, 23, 22, 21, 20,
						      27, 26, 25, 24, 31, 30, 29, 28);
	}
	UNROLL for (size_t i = 0; i < LANES; i += 2) {
		s[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
		s[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
	}
	UNROLL for (size_t i = 0; i < LANES; i += 4) {
		r[i] = __builtin_shufflevector(s[i], s[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
		r[i + 1] = __builtin_shufflevector(s[i], s[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
		r[i + 2] = __builtin_shufflevector(s[i + 1], s[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
		r[i + 3] = __builtin_shufflevector(s[i + 1], s[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
	}
	UNROLL for (size_t i = 0; i < 4; i++) {
		ret[i] = __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
		ret[i + 4] = __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
	}
}

/* ---- rounds ---- */

/* The eight working variables, and b ^ c, which was a ^ b one round before. */
struct vars { words a, b, c, d, e, f, g, h, b_c; };

#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))
#define SMALL_0(x) (ROR(x, 7) ^ ROR(x, 18) ^ (x) >> 3)
#define SMALL_1(x) (ROR(x, 17) ^ ROR(x, 19) ^ (x) >> 10)

INLINE void vars_begin(struct vars *v, const words state[8])
{
	*v = (struct vars){ state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7], state[1] ^ state[2] };
}

INLINE void vars_end(const struct vars *v, words state[8])
{
	state[0] += v->a;
	state[1] += v->b;
	state[2] += v->c;
	state[3] += v->d;
	state[4] += v->e;
	state[5] += v->f;
	state[6] += v->g;
	state[7] += v->h;
}

/* One round; h has the round's constant and its word of the message in it already. */
INLINE void one_round(struct vars *v)
{
	words t1 = v->h + (ROR(v->e, 6) ^ ROR(v->e, 11) ^ ROR(v->e, 25)) + (v->g ^ (v->e & (v->f ^ v->g)));
	words a_b = v->a ^ v->b, t2 = (ROR(v->a, 2) ^ ROR(v->a, 13) ^ ROR(v->a, 22)) + (v->b ^ (a_b & v->b_c));

	v->b_c = a_b;
	v->h = v->g;
	v->g = v->f;
	v->f = v->e;
	v->e = v->d + t1;
	v->d = v->c;
	v->c = v->b;
	v->b = v->a;
	v->a = t1 + t2;
}

/*
 * The ring of the schedule's words is read from memory and written to it, each word once: what the compiler would keep of it in registers,
 * because a word is used again some rounds later, pushes the variables out of them.
 */
#define READ(word) (*(const volatile words *)&(word))
#define KEEP(word, value) do { (word) = (value); __asm__("" : "+m"(word)); } while (0)

/* Rounds `from` to 63 with the schedule. Unrolled by sixteen, so that no variable and no word is ever moved. */
INLINE void rounds_from(struct vars *v, words w[16], const words *k, size_t from)
{
	for (k += from; from < 64; from += 16, k += 16) {
		UNROLL for (size_t i = 0; i < 16; i++) {
			words x = READ(w[(i + 1) & 15]), y = READ(w[(i + 14) & 15]), next = SMALL_0(x) + w[i] + w[(i + 9) & 15] + SMALL_1(y);

			KEEP(w[i], next);
			v->h += next + k[i];
			one_round(v);
		}
	}
}

/* One block of every lane, its words turned already; they are used up. */
INLINE void compress(words state[8], words w[16])
{
	const words *k = K;
	struct vars v;

	__asm__("" : "+r"(k)); /* what it points to is not known: known constants would be made by three instructions each */
	vars_begin(&v, state);
	UNROLL for (size_t i = 0; i < 16; i++) {
		v.h = v.h + w[i] + k[i];
		one_round(&v);
	}
	rounds_from(&v, w, k, 16);
	vars_end(&v, state);
}

/* What eight states stand for, a row each: turned once more. */
INLINE void results(const words state[8], words ret[LANES])
{
	const uint8_t *rows[LANES];

	UNROLL for (size_t i = 0; i < LANES; i++)
		rows[i] = (const uint8_t *)&state[i];
	turn(rows, 0, ret);
}

/* ---- nodes ---- */

/*
 * The second block of a node: the pair's last byte and the padding's bit, zeroes, the length of 65 bytes. So of the words 16 to 31 of the
 * schedule this part is known beforehand; the last one is the length as well.
 */
static const words KNOWN[16] = {
	ALL(0), ALL(0x01450000), ALL(0), ALL(0x200051ca), ALL(0), ALL(0x22d45414), ALL(0x00000208), ALL(0xa0802025),
	ALL(0x01450000), ALL(0), ALL(0x200051ca), ALL(0), ALL(0x22d45414), ALL(0), ALL(0x10820045), ALL(0x00000208),
};

/* Rounds of that block. What is added to a word where is what is not known: the terms of words that have something of the first one. */
INLINE void compress_end(words state[8], words first)
{
	const words *k = K, *known = KNOWN;
	words w[16];
	struct vars v;

	__asm__("" : "+r"(k), "+r"(known));
	vars_begin(&v, state);
	UNROLL for (size_t i = 0; i < 16; i++) {
		v.h += k[i];
		if (i == 0)
			v.h += first;
		if (i == 15)
			v.h += known[i];
		one_round(&v);
	}
	UNROLL for (size_t i = 0; i < 16; i++) {
		words next = i ? NONE : first;

		if (i >= 2 && (i % 2 == 0 || i > 8))
			next += SMALL_1(READ(w[i - 2]));
		if (i >= 7 && (i % 2 == 1 || i > 12))
			next += w[i - 7];
		if (i == 15)
			next += SMALL_0(first);
		if (KNOWN[i][0])
			next += known[i];
		KEEP(w[i], next);
		v.h += next + k[16 + i];
		one_round(&v);
	}
	rounds_from(&v, w, k, 32);
	vars_end(&v, state);
}

/* Eight pairs; behind the domain byte all lies one byte later in its words. */
WIDE static void eight_pairs(const uint8_t *const from[LANES], words ret[LANES])
{
	words w[16], state[8], last;

	turn(from, 0, w);
	turn(from, BLOCK / 2, w + 8);
	last = w[15] << 24 | 0x00800000;
	UNROLL for (size_t i = 15; i > 0; i--)
		w[i] = w[i - 1] << 24 | w[i] >> 8;
	w[0] = w[0] >> 8 | 0x01000000;
	UNROLL for (size_t i = 0; i < 8; i++)
		state[i] = FIRST[i];
	compress(state, w);
	compress_end(state, last);
	results(state, ret);
}

WIDE void hash_wide_nodes(const struct tree_hash *v, size_t count, struct tree_hash *ret)
{
	for (size_t done = 0; done < count / 2; done += LANES) {
		size_t n = count / 2 - done < LANES ? count / 2 - done : LANES;
		const uint8_t *from[LANES];
		words out[LANES];

		for (size_t i = 0; i < LANES; i++)
			from[i] = v[2 * (done + (i < n ? i : 0))].v;
		eight_pairs(from, out);
		for (size_t i = 0; i < n; i++)
			memcpy(&ret[done + i], &out[i], sizeof(out[i]));
	}
}

/* ---- messages ---- */

#define COPIED_MAX   6u                  /* blocks: a message of so many is copied and padded in one piece */
#define PAD_BYTES    (3 * sizeof(words)) /* zeroes are written in wide pieces, some of them behind the last block */
#define END_AT       (3 * BLOCK)         /* where a long message's last two blocks are made; pieces may begin in front of it */
#define AT_ONCE      1024u               /* messages that are put in order together */
#define BUCKETS      32u

/*
 * A message of one lane, as runs of blocks that lie side by side: one for a short message; for a long one its first block, behind the domain
 * byte, then whole blocks from where the message is, then its last two with the padding.
 */
struct lane {
	uint8_t bytes[COPIED_MAX * BLOCK + PAD_BYTES];
	const uint8_t *middle;
	size_t middle_blocks, end_blocks;   /* runs to come; 0: none */
	size_t message;
	bool busy;
};

/*
 * Eight of them at work, some blocks of all lanes at a time. A lane that has nothing to do, or waits so that it begins when others do, turns
 * on the spot: its block is `nothing`, its stride 0.
 */
struct lanes {
	words state[8];
	words fresh;                        /* all ones where a message begins with the next block */
	words blocks;                       /* until a lane needs something else */
	const uint8_t *at[LANES];
	size_t stride_bytes[LANES];
	size_t working, step;               /* lanes with a message; blocks done since the first of them began */
	struct lane lane[LANES];
};

static const uint8_t NOTHING[BLOCK];

static size_t blocks_of(size_t len_bytes)
{
	return (1 + len_bytes + 1 + 8 + BLOCK - 1) / BLOCK;
}

INLINE void copy_block(uint8_t *to, const uint8_t *from)
{
	octets a, b;

	memcpy(&a, from, sizeof(a));
	memcpy(&b, from + sizeof(a), sizeof(b));
	memcpy(to, &a, sizeof(a));
	memcpy(to + sizeof(a), &b, sizeof(b));
}

/* Behind what is `used` of these blocks: the bit, zeroes, the length with the domain byte. */
INLINE void pad(uint8_t *to, size_t used, size_t blocks, size_t len_bytes)
{
	const octets bit = { 0x80 }, none = { 0 };
	uint64_t bits = __builtin_bswap64(((uint64_t)len_bytes + 1) * 8);

	_Static_assert(PAD_BYTES == 3 * sizeof(octets) && PAD_BYTES >= BLOCK + sizeof(bits), "as much as padding can be");
	memcpy(to + used, &bit, sizeof(bit));
	memcpy(to + used + sizeof(bit), &none, sizeof(none));
	memcpy(to + used + 2 * sizeof(bit), &none, sizeof(none));
	memcpy(to + blocks * BLOCK - sizeof(bits), &bits, sizeof(bits));
}

WIDE static void begin_long(struct lane *l, const uint8_t *p, size_t len_bytes, size_t blocks)
{
	size_t end_bytes = len_bytes + 1 - (blocks - 2) * BLOCK; /* of the message in the last two blocks: 56 to 119 */
	uint8_t *end = l->bytes + END_AT + end_bytes;

	copy_block(l->bytes + 1, p);
	l->middle = p + BLOCK - 1;
	l->middle_blocks = blocks - 3;
	l->end_blocks = 2;
	copy_block(end - 2 * BLOCK, p + len_bytes - 2 * BLOCK);
	copy_block(end - BLOCK, p + len_bytes - BLOCK);
	pad(l->bytes + END_AT, end_bytes, 2, len_bytes);
}

WIDE static void lane_begin(struct lanes *s, size_t i, uint8_t domain, const struct tree_bytes *m, size_t message)
{
	size_t len_bytes = m->len_bytes, blocks = blocks_of(len_bytes);
	struct lane *l = &s->lane[i];
	const uint8_t *p = m->bytes;

	l->busy = true;
	l->message = message;
	l->bytes[0] = domain;
	s->working++;
	s->at[i] = l->bytes;
	s->stride_bytes[i] = BLOCK;
	s->fresh[i] = UINT32_MAX;
	s->blocks[i] = (uint32_t)blocks;
	if (blocks > COPIED_MAX) {
		s->blocks[i] = 1;
		begin_long(l, p, len_bytes, blocks);
		return;
	}
	/* In wide pieces; the last one may repeat some of what is there already. */
	for (size_t at = 0; at + BLOCK < len_bytes; at += BLOCK)
		copy_block(l->bytes + 1 + at, p + at);
	if (len_bytes >= BLOCK)
		copy_block(l->bytes + 1 + len_bytes - BLOCK, p + len_bytes - BLOCK);
	else if (len_bytes)
		memcpy(l->bytes + 1, p, len_bytes);
	pad(l->bytes, 1 + len_bytes, blocks, len_bytes);
}

/* Its next run; false: its message is over, or it has none. */
static bool lane_goes_on(struct lanes *s, size_t i)
{
	struct lane *l = &s->lane[i];

	if (l->middle_blocks) {
		s->at[i] = l->middle;
		s->blocks[i] = (uint32_t)l->middle_blocks;
		l->middle_blocks = 0;
	} else if (l->end_blocks) {
		s->at[i] = l->bytes + END_AT;
		s->blocks[i] = (uint32_t)l->end_blocks;
		l->end_blocks = 0;
	} else {
		return false;
	}
	return true;
}

/* Messages that nobody has begun, in chains of about equal length. */
struct order { uint16_t first[BUCKETS], next[AT_ONCE]; unsigned bucket; }; /* numbers from 1 on; 0: the end */

static void order_make(struct order *o, const struct tree_bytes *messages, size_t count)
{
	memset(o->first, 0, sizeof(o->first));
	o->bucket = BUCKETS - 1;
	for (size_t i = count; i > 0; i--) {
		size_t blocks = blocks_of(messages[i - 1].len_bytes), bucket = blocks;

		if (blocks > COPIED_MAX)
			bucket = COPIED_MAX - 1 + (63u - (unsigned)__builtin_clzll(blocks));
		if (bucket >= BUCKETS)
			bucket = BUCKETS - 1;
		o->next[i - 1] = o->first[bucket];
		o->first[bucket] = (uint16_t)i;
	}
}

/* The longest of them, so that none is left over when all other lanes are through; 0: none is left. */
INLINE size_t order_first(struct order *o)
{
	while (!o->first[o->bucket] && o->bucket)
		o->bucket--;
	return o->first[o->bucket];
}

/*
 * A lane that is free takes a message, or waits for a moment: short ones of the same length begin together, because whatever is done between
 * blocks is then done once for all of them.
 */
INLINE void lane_take(struct lanes *s, size_t i, struct order *o, uint8_t domain, const struct tree_bytes *messages)
{
	size_t next = order_first(o), late = 0;

	s->at[i] = NOTHING;
	s->stride_bytes[i] = 0;
	s->blocks[i] = UINT32_MAX;
	if (!next)
		return;
	if (!s->working)
		s->step = 0;
	if (o->bucket <= COPIED_MAX)
		late = s->step % o->bucket;
	if (late) {
		s->blocks[i] = (uint32_t)(o->bucket - late);
		return;
	}
	o->first[o->bucket] = o->next[next - 1];
	lane_begin(s, i, domain, &messages[next - 1], next - 1);
}

/* As many blocks as can be done before a lane needs something else. */
WIDE static void lanes_run(struct lanes *s)
{
	const words fresh = s->fresh;
	uint32_t blocks = s->blocks[0];

	UNROLL for (size_t i = 1; i < LANES; i++)
		blocks = s->blocks[i] < blocks ? s->blocks[i] : blocks;
	UNROLL for (size_t i = 0; i < 8; i++)
		s->state[i] ^= (s->state[i] ^ FIRST[i]) & fresh;
	s->fresh = NONE;
	s->blocks -= blocks;
	s->step += blocks;
	for (; blocks; blocks--) {
		words w[16];

		turn(s->at, 0, w);
		turn(s->at, BLOCK / 2, w + 8);
		UNROLL for (size_t i = 0; i < LANES; i++)
			s->at[i] += s->stride_bytes[i];
		compress(s->state, w);
	}
}

WIDE static void hash_some(uint8_t domain, const struct tree_bytes *messages, size_t count, struct tree_hash *ret)
{
	struct order order;
	struct lanes s;

	order_make(&order, messages, count);
	memset(s.state, 0, sizeof(s.state));
	s.fresh = s.blocks = NONE;
	s.working = s.step = 0;
	for (size_t i = 0; i < LANES; i++) {
		s.lane[i].middle_blocks = s.lane[i].end_blocks = 0;
		s.lane[i].busy = false;
	}
	for (;;) {
		words out[LANES];
		bool have_out = false;

		for (unsigned over = (unsigned)__builtin_ia32_movmskps256((floats)(s.blocks == 0)); over; over &= over - 1) {
			size_t i = (size_t)__builtin_ctz(over);

			if (lane_goes_on(&s, i))
				continue;
			if (s.lane[i].busy) {
				if (!have_out)
					results(s.state, out);
				have_out = true;
				memcpy(&ret[s.lane[i].message], &out[i], sizeof(out[i]));
				s.lane[i].busy = false;
				s.working--;
			}
			lane_take(&s, i, &order, domain, messages);
		}
		if (!s.working)
			break;
		lanes_run(&s);
	}
}

WIDE void hash_wide(uint8_t domain, const struct tree_bytes *messages, size_t count, struct tree_hash *ret)
{
	for (size_t at = 0; at < count; at += AT_ONCE)
		hash_some(domain, messages + at, count - at < AT_ONCE ? count - at : AT_ONCE, ret + at);
}
