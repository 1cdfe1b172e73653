# SPDX-License-Identifier: Apache-2.0
# Manual pages: the lists in them come from the same tables as the program.
man_pages := $(patsubst docs/man/%.mdoc,$(B)/man/%,$(call src,docs/man/*.mdoc))

$(B)/man/%: docs/man/%.mdoc docs/man/tables.awk userspace/cli/verbs.def userspace/cli/options.def include/polyward/actions.def
	$(call say,MAN)
	$(Q)mkdir -p $(@D) && awk -f docs/man/tables.awk userspace/cli/verbs.def userspace/cli/options.def include/polyward/actions.def $< > $@

man: $(man_pages)                       ## manual pages
all: $(man_pages)
.PHONY: man
