# SPDX-License-Identifier: Apache-2.0
# Golden tests: tests/golden/*/CASE.pw and, beside it, what the front end says about it: .diag, .fmt, .json.
golden_front_obj := $(call obj,tests/golden/front.c $(addprefix userspace/policy/,ast.c closest.c diag.c json.c lex.c stamp.c symbols.c \
	$(notdir $(call src,userspace/policy/parse*.c userspace/policy/print*.c userspace/policy/resolve*.c)))) $(names_obj) $(base_obj)

$(B)/tests/golden/front: $(golden_front_obj)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(filter %.o,$^) -ljansson -lcrypto -o $@

# Logs for the verbs that read one: written by the real writer.
$(B)/tests/golden/mklog: $(call obj,tests/golden/mklog.c) $(audit_obj) $(policy_obj) $(names_obj) $(base_obj)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(filter %.o,$^) -ljansson -lcrypto -o $@

check-golden: $(B)/tests/golden/front $(B)/polyward $(B)/tests/golden/mklog ## messages, canonical form and JSON of policies, good and bad
	$(Q)tests/tap golden "tests/golden/run $(B)/tests/golden/front $(B)/polyward $(B)/tests/golden/mklog"
golden-update: $(B)/tests/golden/front $(B)/polyward $(B)/tests/golden/mklog ## write what the front end says now as expected; read the diff before it is committed
	$(Q)tests/golden/run --update $(B)/tests/golden/front $(B)/polyward $(B)/tests/golden/mklog
.PHONY: check-golden golden-update
