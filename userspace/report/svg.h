/* SPDX-License-Identifier: Apache-2.0 */
/* Charts as inline SVG: no script, no font, no file from elsewhere; each says in words what it shows, and its figures stand in a table too. */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include <jansson.h>

#include "base/buf.h"

void svg_time(const json_t *doc, struct buf *ret);      /* accesses and refusals over time */
void svg_coverage(const json_t *doc, struct buf *ret);  /* when something was recorded and enforced */
void svg_bars(const json_t *doc, const char *series, const char *title, const char *id, struct buf *ret); /* by store, by role */

#endif
