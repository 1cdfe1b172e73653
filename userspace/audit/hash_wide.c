/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) of eight messages at a time, a message a lane, in GCC's vectors. For processors with wide registers and no SHA
 * instructions; tests compare it with libcrypto on random lengths. A lane takes the next message as soon as its own is done.
 */
#include "audit/hash.h"

#include <cpuid.h>
#include <string.h>

#define LANES 8u
#define BLOCK 64u
#define LONG_BYTES 2048u
#define WIDE  __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline)) WIDE

typedef uint32_t words __attribute__((vector_size(32)));
typedef uint8_t  octets __attribute__((vector_size(32)));

static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
	0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
	0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
	0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static const uint32_t FIRST[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

/*
 * A message of one lane: a first block that begins with the domain byte, whole blocks straight from the message, and the end with the
 * padding. A short message has the end alone.
 */
struct lane {
	uint8_t first[BLOCK];
	uint8_t end[2 * BLOCK];
	const uint8_t *middle;
	size_t middle_blocks, end_blocks, end_at;
	bool has_first, busy;
	size_t message;
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

static void lane_begin(struct lane *l, uint8_t domain, const struct tree_bytes *m, size_t message)
{
	const uint8_t *p = m->bytes;
	size_t left = m->len_bytes;
	uint64_t bits = ((uint64_t)m->len_bytes + 1) * 8;
	size_t at = 0;

	l->busy = true;
	l->message = message;
	l->middle_blocks = 0;
	l->has_first = left >= BLOCK - 1;
	if (l->has_first) {
		l->first[0] = domain;
		memcpy(l->first + 1, p, BLOCK - 1);
		p += BLOCK - 1;
		left -= BLOCK - 1;
		l->middle = p;
		l->middle_blocks = left / BLOCK;
		p += l->middle_blocks * BLOCK;
		left %= BLOCK;
	} else {
		l->end[at++] = domain;
	}
	if (left)
		memcpy(l->end + at, p, left);
	at += left;
	l->end[at++] = 0x80;
	l->end_blocks = at + 8 <= BLOCK ? 1 : 2;
	memset(l->end + at, 0, l->end_blocks * BLOCK - at);
	for (size_t i = 0; i < 8; i++)
		l->end[l->end_blocks * BLOCK - 1 - i] = (uint8_t)(bits >> 8 * i);
	l->end_at = 0;
}

/* Its next block, and whether that is its last. */
static const uint8_t *lane_next(struct lane *l, bool *ret_last)
{
	const uint8_t *p;

	*ret_last = false;
	if (l->has_first) {
		l->has_first = false;
		return l->first;
	}
	if (l->middle_blocks) {
		p = l->middle;
		l->middle += BLOCK;
		l->middle_blocks--;
		return p;
	}
	p = l->end + l->end_at * BLOCK;
	*ret_last = ++l->end_at == l->end_blocks;
	return p;
}

/* Eight words of each of eight lanes, turned so that ret[w] holds word w of all of them, in the processor's byte order. */
INLINE void turn(const uint8_t *const from[LANES], size_t off_bytes, words *ret)
{
	words r[LANES], s[LANES];

	for (size_t i = 0; i < LANES; i++) {
		octets o;

		memcpy(&o, from[i] + off_bytes, sizeof(o));
		r[i] = (words)__builtin_shufflevector(o, o, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16, 23, 22, 21, 20,
						      27, 26, 25, 24, 31, 30, 29, 28);
	}
	for (size_t i = 0; i < LANES; i += 2) {
		s[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
		s[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
	}
	for (size_t i = 0; i < LANES; i += 4) {
		r[i] = __builtin_shufflevector(s[i], s[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
		r[i + 1] = __builtin_shufflevector(s[i], s[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
		r[i + 2] = __builtin_shufflevector(s[i + 1], s[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
		r[i + 3] = __builtin_shufflevector(s[i + 1], s[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
	}
	for (size_t i = 0; i < 4; i++) {
		ret[i] = __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
		ret[i + 4] = __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
	}
}

#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))

/* One block of every lane, its words turned already; they are used up. */
INLINE void compress(words state[8], words w[16])
{
	words a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
	words b_c = b ^ c; /* majority of a, b, c is b ^ ((a ^ b) & (b ^ c)), and this round's a ^ b is the next one's b ^ c */
	const uint32_t *k = K;

	/* Constants from memory: as immediates they would take three instructions each. */
	__asm__("" : "+r"(k));
#pragma GCC unroll 64
	for (size_t i = 0; i < 64; i++) {
		words t1, t2, a_b = a ^ b;

		if (i >= 16) {
			words x = w[(i + 1) & 15], y = w[(i + 14) & 15];

			w[i & 15] += (ROR(x, 7) ^ ROR(x, 18) ^ x >> 3) + w[(i + 9) & 15] + (ROR(y, 17) ^ ROR(y, 19) ^ y >> 10);
		}
		t1 = h + (ROR(e, 6) ^ ROR(e, 11) ^ ROR(e, 25)) + (g ^ (e & (f ^ g))) + k[i] + w[i & 15];
		t2 = (ROR(a, 2) ^ ROR(a, 13) ^ ROR(a, 22)) + (b ^ (a_b & b_c));
		b_c = a_b;
		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

static const words NONE = { 0 };

/*
 * Eight pairs. Behind the domain byte all lies one byte later in its words; the second block has the last byte, the padding and the
 * length, 65 bytes.
 */
WIDE static void eight_pairs(const uint8_t *const from[LANES], struct tree_hash ret[LANES])
{
	words w[16], shifted[16], state[8], turned[8];
	const uint8_t *rows[LANES];

	turn(from, 0, w);
	turn(from, BLOCK / 2, w + 8);
	shifted[0] = w[0] >> 8 | 0x01000000;
	for (size_t i = 1; i < 16; i++)
		shifted[i] = w[i - 1] << 24 | w[i] >> 8;
	w[0] = w[15] << 24 | 0x00800000;
	for (size_t i = 1; i < 15; i++)
		w[i] = NONE;
	w[15] = NONE + 65 * 8;
	for (size_t i = 0; i < 8; i++)
		state[i] = NONE + FIRST[i];
	compress(state, shifted);
	compress(state, w);
	/* Word beside word again: turning it once more, bytes swapped on the way. */
	for (size_t i = 0; i < LANES; i++)
		rows[i] = (const uint8_t *)&state[i];
	turn(rows, 0, turned);
	memcpy(ret, turned, sizeof(turned));
}

WIDE void hash_wide_nodes(const struct tree_hash *v, size_t count, struct tree_hash *ret)
{
	for (size_t done = 0; done < count / 2; done += LANES) {
		size_t n = count / 2 - done < LANES ? count / 2 - done : LANES;
		struct tree_hash out[LANES];
		const uint8_t *from[LANES];

		for (size_t i = 0; i < LANES; i++)
			from[i] = v[2 * (done + (i < n ? i : 0))].v;
		eight_pairs(from, out);
		memcpy(ret + done, out, n * sizeof(*out));
	}
}

/* The words of a state stand lane beside lane. */
static void lane_state(words state[8], size_t lane, const uint32_t *from)
{
	for (size_t i = 0; i < 8; i++)
		memcpy((uint8_t *)&state[i] + lane * sizeof(uint32_t), &from[i], sizeof(uint32_t));
}

static void lane_end(const words state[8], size_t lane, struct tree_hash *ret)
{
	for (size_t i = 0; i < 8; i++) {
		uint32_t v;

		memcpy(&v, (const uint8_t *)&state[i] + lane * sizeof(v), sizeof(v));
		v = __builtin_bswap32(v);
		memcpy(ret->v + i * sizeof(v), &v, sizeof(v));
	}
}

/* The next message that nobody has begun: long ones first, so that none is left over when all other lanes are through. */
struct order { size_t at_long, at_short; };

static size_t order_next(struct order *o, const struct tree_bytes *messages, size_t count)
{
	while (o->at_long < count && messages[o->at_long].len_bytes < LONG_BYTES)
		o->at_long++;
	if (o->at_long < count)
		return o->at_long++;
	while (o->at_short < count && messages[o->at_short].len_bytes >= LONG_BYTES)
		o->at_short++;
	return o->at_short < count ? o->at_short++ : count;
}

WIDE void hash_wide(uint8_t domain, const struct tree_bytes *messages, size_t count, struct tree_hash *ret)
{
	static const uint8_t nothing[BLOCK];
	struct lane lanes[LANES];
	words state[8];
	struct order order = { 0, 0 };
	size_t done = 0, next = 0;

	for (size_t i = 0; i < LANES; i++)
		lanes[i].busy = false;
	memset(state, 0, sizeof(state));
	while (done < count) {
		const uint8_t *from[LANES];
		bool last[LANES];
		words w[16];

		for (size_t i = 0; i < LANES; i++) {
			if (!lanes[i].busy && next < count && (next = order_next(&order, messages, count)) < count) {
				lane_begin(&lanes[i], domain, &messages[next], next);
				lane_state(state, i, FIRST);
			}
			last[i] = false;
			from[i] = lanes[i].busy ? lane_next(&lanes[i], &last[i]) : nothing;
		}
		turn(from, 0, w);
		turn(from, BLOCK / 2, w + 8);
		compress(state, w);
		for (size_t i = 0; i < LANES; i++)
			if (last[i]) {
				lane_end(state, i, &ret[lanes[i].message]);
				lanes[i].busy = false;
				done++;
			}
	}
}
