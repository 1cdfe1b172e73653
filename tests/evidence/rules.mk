# SPDX-License-Identifier: Apache-2.0
# The log judged by programs that share no code with its writer, and two hosts that witness each other.
evidence_obj := $(record_obj) $(audit_obj) $(image_obj) $(base_obj)

$(B)/tests/evidence/make_log: $(B)/tests/evidence/make_log.o $(evidence_obj)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(sort $(filter %.o,$^)) -lcrypto -o $@

check-evidence: all $(B)/tests/evidence/make_log ## the log under a verifier in another language, byte by byte; proofs; witnesses
	$(Q)B='$(B)' tests/tap evidence tests/evidence/run tests/evidence/witness
.PHONY: check-evidence
