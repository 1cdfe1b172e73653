# SPDX-License-Identifier: Apache-2.0
# Privilege separation: a program that enters the very sandbox descriptions of the roles and tries what they forbid, and one that
# starts the built roles and breaks their rules. Needs root; says SKIP without.
privsep_bins := $(B)/tests/privsep/attempts $(B)/tests/privsep/roles
privsep_objs := $(role_obj) $(ipc_obj) $(sandbox_obj) $(base_obj)

$(B)/tests/privsep/%: $(B)/tests/privsep/%.o $(privsep_objs)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(filter %.o,$^) -lseccomp -lcap -o $@

check-privsep: $(privsep_bins) $(bins)  ## each role tries what it must not do (root)
	$(Q)tests/tap privsep "tests/privsep/with-users $(B)/tests/privsep/attempts" \
		"tests/privsep/with-users $(B)/tests/privsep/roles $(B)/libexec"
.PHONY: check-privsep
