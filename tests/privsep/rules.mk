# SPDX-License-Identifier: Apache-2.0
# Privilege separation: the sandbox descriptions with what they forbid tried inside them (attempts), the built processes and their
# rules (roles), the built processes made to try it themselves (real), every message said by whom it is not meant for (rows), and the
# daemon on a log with people in it (evidence). Needs root; says SKIP without.
privsep_bins := $(addprefix $(B)/tests/privsep/,attempts roles real rows ask)
privsep_objs := $(B)/tests/privsep/start.o $(role_obj) $(ipc_obj) $(sandbox_obj) $(base_obj)

$(privsep_bins): $(B)/tests/privsep/%: $(B)/tests/privsep/%.o $(privsep_objs)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(filter %.o,$^) -lseccomp -lcap -o $@

check-privsep: $(privsep_bins) $(bins) $(B)/tests/evidence/make_log  ## each role tries what it must not do (root)
	$(Q)tests/tap privsep "tests/privsep/with-users $(B)/tests/privsep/attempts" \
		$(foreach p,roles real rows,"tests/privsep/with-users $(B)/tests/privsep/$(p) $(B)/libexec") \
		"tests/privsep/with-users tests/privsep/evidence $(B)"
.PHONY: check-privsep
