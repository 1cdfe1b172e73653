# SPDX-License-Identifier: Apache-2.0
# What is installed beside the programs, and where everything goes: one list for install and uninstall.
tables     := userspace/cli/verbs.def userspace/cli/options.def include/polyward/actions.def
dist_files := $(addprefix $(B)/dist/,polyward.service polyward.bash _polyward)
policies   := $(sort $(shell find policies -type f))

$(B)/dist/polyward.service: userspace/dist/polyward.service.in $(B)/flags
	$(call say,SED)
	$(Q)mkdir -p $(@D) && sed 's,@PREFIX@,$(PREFIX),g' $< > $@

$(B)/dist/polyward.bash $(B)/dist/_polyward: userspace/dist/completion.awk $(tables)
	$(call say,AWK)
	$(Q)mkdir -p $(@D) && awk -v shell=$(if $(filter %.bash,$@),bash,zsh) -f $< $(tables) > $@

all: $(dist_files)

install_list = \
	0755 $(B)/polyward $(PREFIX)/bin/polyward \
	0755 $(B)/polywardd $(PREFIX)/sbin/polywardd \
	$(foreach role,kernel control audit compile export witness,0755 $(B)/libexec/polyward-$(role) $(PREFIX)/libexec/polyward/polyward-$(role)) \
	0644 $(B)/dist/polyward.service $(PREFIX)/lib/systemd/system/polyward.service \
	0644 userspace/dist/polyward.sysusers $(PREFIX)/lib/sysusers.d/polyward.conf \
	0644 userspace/dist/polyward.tmpfiles $(PREFIX)/lib/tmpfiles.d/polyward.conf \
	0644 $(B)/dist/polyward.bash $(PREFIX)/share/bash-completion/completions/polyward \
	0644 $(B)/dist/_polyward $(PREFIX)/share/zsh/site-functions/_polyward \
	$(foreach page,$(man_pages),0644 $(page) $(PREFIX)/share/man/man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page))) \
	$(foreach file,$(policies),0644 $(file) $(PREFIX)/share/polyward/$(file))

install: all                            ## install below PREFIX, staged in DESTDIR
	$(Q)printf '%s %s %s\n' $(install_list) | userspace/dist/install install '$(DESTDIR)' '$(PREFIX)'
uninstall:                              ## take away what install put there
	$(Q)printf '%s %s %s\n' $(install_list) | userspace/dist/install uninstall '$(DESTDIR)' '$(PREFIX)'
.PHONY: install uninstall
