/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) of eight messages at a time, a message a lane, in GCC's vectors. For processors with wide registers and no SHA
 * instructions; tests compare it with libcrypto on random lengths. A lane takes the next message as soon as its own is done.
 */
#include "audit/hash.h"

#include <string.h>

#define LANES 8u
#define BLOCK 64u
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

bool hash_has_wide(void)
{
	return __builtin_cpu_supports("avx2") && !__builtin_cpu_supports("sha");
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
	const octets swap = { 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16, 23, 22, 21, 20, 27, 26, 25, 24, 31, 30, 29, 28 };
	const words low2 = { 0, 8, 1, 9, 4, 12, 5, 13 }, high2 = { 2, 10, 3, 11, 6, 14, 7, 15 };
	const words low4 = { 0, 1, 8, 9, 4, 5, 12, 13 }, high4 = { 2, 3, 10, 11, 6, 7, 14, 15 };
	const words low8 = { 0, 1, 2, 3, 8, 9, 10, 11 }, high8 = { 4, 5, 6, 7, 12, 13, 14, 15 };
	words r[LANES], s[LANES];

	for (size_t i = 0; i < LANES; i++) {
		octets o;

		memcpy(&o, from[i] + off_bytes, sizeof(o));
		r[i] = (words)__builtin_shuffle(o, swap);
	}
	for (size_t i = 0; i < LANES; i += 2) {
		s[i] = __builtin_shuffle(r[i], r[i + 1], low2);
		s[i + 1] = __builtin_shuffle(r[i], r[i + 1], high2);
	}
	for (size_t i = 0; i < LANES; i += 4) {
		r[i] = __builtin_shuffle(s[i], s[i + 2], low4);
		r[i + 1] = __builtin_shuffle(s[i], s[i + 2], high4);
		r[i + 2] = __builtin_shuffle(s[i + 1], s[i + 3], low4);
		r[i + 3] = __builtin_shuffle(s[i + 1], s[i + 3], high4);
	}
	for (size_t i = 0; i < 4; i++) {
		ret[i] = __builtin_shuffle(r[i], r[i + 4], low8);
		ret[i + 4] = __builtin_shuffle(r[i], r[i + 4], high8);
	}
}

#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))

/* One block of every lane. */
WIDE static void compress(words state[8], const uint8_t *const from[LANES])
{
	words w[16], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];

	turn(from, 0, w);
	turn(from, BLOCK / 2, w + 8);
#pragma GCC unroll 64
	for (size_t i = 0; i < 64; i++) {
		words t1, t2;

		if (i >= 16) {
			words x = w[(i + 1) & 15], y = w[(i + 14) & 15];

			w[i & 15] += (ROR(x, 7) ^ ROR(x, 18) ^ x >> 3) + w[(i + 9) & 15] + (ROR(y, 17) ^ ROR(y, 19) ^ y >> 10);
		}
		t1 = h + (ROR(e, 6) ^ ROR(e, 11) ^ ROR(e, 25)) + (g ^ (e & (f ^ g))) + K[i] + w[i & 15];
		t2 = (ROR(a, 2) ^ ROR(a, 13) ^ ROR(a, 22)) + ((a & b) | (c & (a | b)));
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

WIDE void hash_wide(uint8_t domain, const struct tree_bytes *messages, size_t count, struct tree_hash *ret)
{
	static const uint8_t nothing[BLOCK];
	struct lane lanes[LANES];
	words state[8];
	size_t started = 0, done = 0;

	for (size_t i = 0; i < LANES; i++)
		lanes[i].busy = false;
	memset(state, 0, sizeof(state));
	while (done < count) {
		const uint8_t *from[LANES];
		bool last[LANES];

		for (size_t i = 0; i < LANES; i++) {
			if (!lanes[i].busy && started < count) {
				lane_begin(&lanes[i], domain, &messages[started], started);
				lane_state(state, i, FIRST);
				started++;
			}
			last[i] = false;
			from[i] = lanes[i].busy ? lane_next(&lanes[i], &last[i]) : nothing;
		}
		compress(state, from);
		for (size_t i = 0; i < LANES; i++)
			if (last[i]) {
				lane_end(state, i, &ret[lanes[i].message]);
				lanes[i].busy = false;
				done++;
			}
	}
}
