# SPDX-License-Identifier: Apache-2.0
# Figures: whole-system instructions per operation in a guest whose clock counts instructions.
$(B)/tests/bench/ops: $(B)/tests/bench/ops.o $(base_obj)
	$(call link,)
$(B)/tests/bench/floor: $(B)/tests/bench/floor.o
	$(call link,-lbpf -lelf -lz)
$(B)/tests/bench/%.bpf.o: tests/bench/%.bpf.c $(B)/flags
	$(call say,BPF)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPFFLAGS) -MF $(@:.o=.d) -c $< -o $@

bench_built := $(B)/tests/bench/ops $(B)/tests/bench/floor $(B)/tests/bench/floor.bpf.o

bench: all $(bench_built)               ## cost per operation beside the floor, as a table and build/bench.json
	$(Q)userspace/dist/deps test
	$(Q)B=$(B) tests/bench/run $(BENCH)
.PHONY: bench
