/* SPDX-License-Identifier: Apache-2.0 */
/* polyward log --subject: which records are about one person's data, by the path of what was accessed. What cannot be known is counted. */
#ifndef CLI_LOGSUBJECT_H
#define CLI_LOGSUBJECT_H

#include "cli/logfilter.h"
#include "report/catalog.h"

struct log_subject { struct catalog catalog; uint64_t nameless; }; /* nameless: accesses whose path is sealed or erased: they may be about it too */

/* From --subject and --catalog; hooks itself into the filter. 0 and an empty subject if --subject is not given. */
int  log_subject_parse(const struct cli *c, struct log_subject *ret, struct log_filter *filter, struct err *e);
void log_subject_free(struct log_subject *s);

#endif
