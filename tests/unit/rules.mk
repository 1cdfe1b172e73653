# SPDX-License-Identifier: Apache-2.0
# Unit tests: every tests/unit/test_NAME.c is a program that prints TAP, linked with all modules that need no libbpf.
unit_bins := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(call src,tests/unit/test_*.c))
unit_objs := $(policy_obj) $(names_obj) $(ipc_obj) $(sort $(audit_obj) $(record_obj)) $(ring_obj) $(sandbox_obj) $(base_obj)

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(unit_objs)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(filter %.o,$^) -ljansson -lcrypto -lseccomp -lcap -o $@

# The command line's own parts, and the program itself for the tests that run it.
$(B)/tests/unit/test_cli: $(call obj,$(addprefix userspace/cli/,args.c out.c when.c logfilter.c))
$(B)/tests/unit/test_cli_doctor: $(call obj,userspace/cli/doctor.c)
$(B)/tests/unit/test_cli_run $(B)/tests/unit/test_cli_event: | $(B)/polyward
# The loader's way from a path to an inode; it needs no libbpf.
$(B)/tests/unit/test_place: $(call obj,userspace/kernel/place.c)
$(B)/tests/unit/test_export: $(export_obj)
# Random policies and accesses are those of the differential test.
$(addprefix $(B)/tests/unit/test_,explain_record replay diff learn log_like): $(call obj,tests/differential/world.c tests/differential/generate.c)

# Checks and tables of reports, without a log.
$(B)/tests/unit/test_report: $(report_obj)

# What polyward-audit does by the clock: the whole process's objects, and its main() under another name.
$(B)/tests/unit/audit_main.o: $(B)/userspace/roles/audit.o
	$(call say,OBJCOPY)
	$(Q)mkdir -p $(@D) && objcopy --redefine-sym main=audit_main $< $@
$(B)/tests/unit/test_keep: $(B)/tests/unit/audit_main.o $(filter-out $(unit_objs) %/roles/audit.o,$(audit_role))

check-unit: $(unit_bins)                ## unit tests
	$(Q)tests/tap unit $(unit_bins)
.PHONY: check-unit
