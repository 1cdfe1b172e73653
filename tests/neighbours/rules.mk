# SPDX-License-Identifier: Apache-2.0
# Neighbours: do filesystems and ordinary programs behave as ever, outside of stores for everybody and inside for who may?
neighbours_dir := $(B)/tests/neighbours

$(neighbours_dir)/posix: $(call obj,$(call src,tests/neighbours/posix*.c))
	$(call link,-lacl)
$(neighbours_dir)/fsx: $(neighbours_dir)/fsx.o $(base_obj)
	$(call link,)

neighbours_built := $(addprefix $(neighbours_dir)/,posix fsx)
neighbours_cases = 'BUILD=$(B) tests/vm/run --kernel $(1) -- tests/neighbours/conformance.sh' \
	'BUILD=$(B) tests/vm/run --kernel $(1) -- tests/neighbours/spaces.sh' \
	'BUILD=$(B) tests/vm/run --kernel $(1) --mem 1536 -- tests/neighbours/ordinary.sh' \
	'BUILD=$(B) tests/vm/run --kernel $(1) --mem 1536 -- tests/neighbours/database.sh'

neighbours-build: $(neighbours_built)
check-neighbours: all                   ## filesystems and ordinary programs beside polyward and in its stores, on Linux 6.1
	$(Q)userspace/dist/deps test neighbours
	$(Q)$(MAKE) --no-print-directory $(neighbours_built)
	$(Q)tests/tap neighbours-$(VM_KERNEL) $(call neighbours_cases,$(VM_KERNEL))
.PHONY: neighbours-build check-neighbours
