# SPDX-License-Identifier: Apache-2.0
# The decision, four times over: native, native over single roles, the kernel's copy, and a slow interpreter. SEED=N for another run.
diff_dir := tests/differential
diff_obj := $(addprefix $(B)/$(diff_dir)/,differential.o world.o generate.o interpret.o)
SEED     ?= 1

$(B)/$(diff_dir)/probe.bpf.o: $(diff_dir)/probe.bpf.c $(B)/flags
	$(call say,BPF)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPFFLAGS) -MF $(@:.o=.d) -c $< -o $@

$(B)/differential/probe.skel.h: $(B)/$(diff_dir)/probe.bpf.o
	$(call say,SKEL)
	$(Q)mkdir -p $(@D) && $(BPFTOOL) gen skeleton $< name probe_bpf > $@.tmp && mv $@.tmp $@

$(B)/$(diff_dir)/probe.o: | $(B)/differential/probe.skel.h

$(B)/$(diff_dir)/differential: $(diff_obj) $(B)/$(diff_dir)/probe.o $(policy_obj) $(names_obj) $(base_obj)
	$(call link,-ljansson -lcrypto -lbpf -lelf -lz)

# The count is worth seeing when all is well, too; a run that breaks off has no plan, or fewer cases than it says.
check-differential: $(B)/$(diff_dir)/differential ## native = kernel's copy = interpreter, 260,000 times; SEED=N
	$(Q)$< --seed $(SEED) > $(B)/$(diff_dir)/tap 2>&1; sed -n 's/^# /differential: /p; s/^\(ok\|not ok\) [0-9]* - /    /p' $(B)/$(diff_dir)/tap
	$(Q)tests/tap differential "cat $(B)/$(diff_dir)/tap"
mutants: $(diff_obj) $(B)/$(diff_dir)/no_probe.o $(unit_objs) ## faults planted into decide.h: each must be noticed
	$(Q)B=$(B) CC=$(CC) tests/tap mutants "$(diff_dir)/mutants"
.PHONY: check-differential mutants
