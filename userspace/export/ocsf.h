/* SPDX-License-Identifier: Apache-2.0 */
/* One record on its way to an OCSF event. Private to this folder. */
#ifndef EXPORT_OCSF_H
#define EXPORT_OCSF_H

#include "export/export.h"
#include "export/fields.h"

enum ocsf_class { FILE_ = 1, LOG = 2, ENTITY = 4, APP = 8 }; /* 1001, 1008, 3004, 6002 */

struct ocsf_event {
	const struct export_context *context;
	const struct export_item *item;
	const struct record_view *view;
	struct fields f;
	enum ocsf_class class_;
	unsigned activity, severity, status;
	const char *activity_name;      /* NULL: the word of the field `event`, or of the kind */
	uint64_t taken;                 /* tags that stand somewhere in the event already */
};

/* Class, activity, severity and status: ocsf_values.c, from ocsf_events.def. */
void ocsf_classify(const struct export_context *c, const struct export_item *i, struct ocsf_event *ret);

/* Writes a value, or nothing and returns false. */
typedef bool ocsf_put(struct ocsf_event *e, struct buf *b);

#define PW_OCSF_IS(classes, path, json)
#define PW_OCSF_OF(classes, path, form, field)
#define PW_OCSF_BY(classes, path, function) ocsf_put put_##function;
#include "export/ocsf.def"
#undef PW_OCSF_IS
#undef PW_OCSF_OF
#undef PW_OCSF_BY

#endif
