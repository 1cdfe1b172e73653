# SPDX-License-Identifier: Apache-2.0
# Attacks: each a program of its own without any library of this tree, and the harness that runs them in the guest.
attack_helpers := attack ring evil low viewer holder harness stage witness records
attack_classes := $(filter-out $(attack_helpers),$(patsubst tests/attacks/%.c,%,$(call src,tests/attacks/*.c)))
attack_bins    := $(addprefix $(B)/tests/attacks/,$(attack_classes) harness viewer holder evil.so low.so)

# Static: an attack is started hundreds of times.
$(addprefix $(B)/tests/attacks/,$(attack_classes)): $(B)/tests/attacks/%: $(B)/tests/attacks/%.o $(call obj,tests/attacks/attack.c tests/attacks/ring.c)
	$(call say,LINK)
	$(Q)$(CC) $(filter-out -pie,$(LDFLAGS)) $(if $(SAN),,-static) -no-pie $^ -o $@
$(B)/tests/attacks/viewer: $(call obj,tests/attacks/viewer.c);                              $(call link,)
$(B)/tests/attacks/holder: $(call obj,tests/attacks/holder.c tests/attacks/attack.c);       $(call link,)
$(B)/tests/attacks/harness: $(call obj,$(addprefix tests/attacks/,harness.c stage.c witness.c records.c attack.c ring.c)); $(call link,-ljansson)
$(B)/tests/attacks/evil.so: tests/attacks/evil.c
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) -O2 -fPIC -shared $(WARN) -Wno-missing-prototypes $< -o $@

$(B)/tests/attacks/low.so: tests/attacks/low.c
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) -O1 -fPIC -mgeneral-regs-only -fno-stack-protector -shared -nostdlib -Wl,-e,low_start $(WARN) $< -o $@

attacks: $(attack_bins)
check-attacks: all $(attack_bins)       ## every way around that we know, as a user, a role holder and root (VM_KERNEL=6.1)
	$(Q)tests/tap attacks-$(VM_KERNEL) 'BUILD=$(B) tests/vm/run --kernel $(VM_KERNEL) --timeout 400 -- tests/attacks/run'
.PHONY: attacks check-attacks
