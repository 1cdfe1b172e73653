/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a compiled policy: refused, or so sound that every question can be asked of it: no read outside, the short answer the
 * same as the walk. The hash is made right first, or nothing would get past it.
 */
#include <openssl/sha.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "policy/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) abort(); } while (0)

static void seal(uint8_t *bytes, size_t size)
{
	struct pw_img_header *h = (struct pw_img_header *)bytes;

	if (size < sizeof(*h))
		return;
	h->magic = PW_IMAGE_MAGIC;
	h->version = PW_IMAGE_VERSION;
	h->size_bytes = (__u32)size;
	SHA256(bytes + PW_IMG_HASHED_FROM, size - PW_IMG_HASHED_FROM, h->body_hash);
}

static void must_agree(const struct image *img, __u32 row, __u32 label, const struct pw_facts *f, __u32 need)
{
	struct pw_decision walk = table_decide(img, row, label, f, need);
	struct pw_decision fast = table_decide_fast(img, row, label, f, need);
	struct pw_decision single = table_decide(img, PW_ROW_NONE, label, f, need);

	MUST(walk.verdict == fast.verdict);
	MUST(walk.rule < img->count[PW_SEC_RULES] && single.rule < img->count[PW_SEC_RULES]);
	MUST(!(walk.missing & ~need));
}

static void ask_everything(const struct image *img)
{
	struct pw_facts f = { .mfa_age_s = 60, .purpose = 1 };
	int64_t next, at = (int64_t)img->head->compiled_utc_s;
	struct err e;

	for (int i = 0; i < 4; i++, at = next < INT64_MAX / 2 ? next : 0)
		f.windows = table_windows(img, at < INT64_MAX / 2 && at > 0 ? at : 0, &next);
	for (__u32 row = 0; row < img->count[PW_SEC_ROWS] && row < 16; row++)
		for (__u32 label = 0; label < img->count[PW_SEC_STORES] && label < 16; label++)
			for (__u32 need = 1; need <= PW_A_CONNECT; need <<= 1) {
				f.roles = img->rows[row];
				must_agree(img, row, label, &f, need);
				must_agree(img, row, label, &f, need | PW_A_READ);
			}
	(void)table_tests(img, &e);
	for (__u32 i = 1; i < img->count[PW_SEC_STORES]; i++)
		MUST(image_str(img, img->stores[i].path)[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1); /* exactly: a sanitizer sees one byte too many */
	struct image img;
	struct err e;

	MUST(bytes);
	if (size)
		memcpy(bytes, data, size);
	seal(bytes, size);
	if (image_check(bytes, size, &img, &e) == 0)
		ask_everything(&img);
	else
		MUST(e.text[0] && e.code < 0);
	free(bytes);
	return 0;
}
