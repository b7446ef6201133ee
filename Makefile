# SPDX-License-Identifier: GPL-2.0
# prefork: module, library and program; `make help` tells what else.

# Which kernel: a name in selftests/qemu/kernels/, or KDIR=FOLDER for one's own (as in
# /lib/modules/$(uname -r)/build).
KERNEL = 6.1
check check-long: KERNEL = debug

# Those that `make check-matrix` tests, and programs without which nothing works: `make check-core`.
KERNELS = debug debug-newest debug-rt newest 6.12 6.1 5.10 6.12-rt 6.1-rt 6.1-arm64
CORE = birth events exec hold life numbers

# The program and its unit; on a kernel that looks for faults without what looks for its own.
PROGRAM = adopt.sh lost.sh release.sh service.sh trace.sh vforkmon.sh

# What `make run` follows.
CMD = make -C monitor -j2 O=/tmp/monitor

# For another processor all stands apart, and programs are built by a compiler for that.
build = $(CURDIR)/build$(if $(filter %-arm64,$(KERNEL)),/arm64)
cross = $(if $(filter %-arm64,$(KERNEL)),selftests/qemu/cross $(KERNEL)) $(MAKE) $(jobs)
vm := selftests/qemu/vm
out = $(build)/$(if $(KDIR),kdir,$(KERNEL))
kbuild = $(if $(KDIR),$(MAKE) -C $(KDIR),selftests/qemu/kbuild $(KERNEL)) $(jobs) M=$(out)
# As many compilers as there are processors, unless make was told how many.
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

all: module monitor

help:
	@echo 'make                  module (build/KERNEL/), library and program (build/monitor/)'
	@echo 'make module KDIR=...  module for another kernel (build/kdir/)'
	@echo 'make run [CMD=...]    follow a build, or another command, in a virtual machine'
	@echo 'make shell            a prompt in that virtual machine'
	@echo 'make check            all tests [KERNEL=6.1] [TESTS="NAME..."]'
	@echo 'make check-long       the same, what is tried often as often as it should be: hours'
	@echo 'make check-matrix     all tests on all kernels [KERNELS="6.1..."]: hours; CONTINUE=1 goes on'
	@echo '                      with those of them that had not ended well when it was stopped'
	@echo 'make check-program    the most important of them, and of the program, with sanitizers, on 6.1'
	@echo 'make check-core       the most important of them on others (not debug, debug-rt)'
	@echo 'make bench            what it costs, beside other tools [WHAT="client hold..."]: an hour'
	@echo 'make check-dkms       the module as DKMS builds it, on Debian 12 and unstable'
	@echo 'make lint             static checks'
	@echo 'make install          library, program and module: by DKMS, or with KDIR=... for that kernel'
	@echo 'make clean            remove build/'

packages:
	@selftests/qemu/packages $(if $(KDIR),--build)

build-packages:
	@selftests/qemu/packages --build

# kbuild leaves its objects beside the sources: give it links to them instead.
module: packages
	@mkdir -p $(out)/module
	@ln -sfn $(CURDIR)/uapi $(out)/uapi
	@ln -sf $(CURDIR)/Kbuild $(CURDIR)/dkms.conf $(out)/
	@ln -sf $(CURDIR)/module/*.[ch] $(out)/module/
	+@$(kbuild) --no-print-directory modules

# What the tests load beside it.
claim: packages
	@mkdir -p $(out)/claim
	@ln -sf $(CURDIR)/selftests/claim/* $(out)/claim/
	+@$(kbuild)/claim --no-print-directory modules

monitor: build-packages
	+@$(cross) --no-print-directory -C monitor O=$(build)/monitor

# What scripts run.
sanitized: build-packages
	+@$(cross) --no-print-directory -C monitor O=$(build)/monitor/address SANITIZE=address,undefined

selftests: programs sanitized

programs: monitor
	+@$(cross) --no-print-directory -C selftests O=$(build)/selftests LIBPREFORK=$(build)/monitor/libprefork.a

run: all
	@$(vm) -- vforkmon run --hold vfork --tree -- sh -c "$$CMD"
run: export CMD := $(CMD)

shell: all
	@$(vm) --timeout 0 -- bash -l

check check-long check-program: module claim monitor selftests
	@selftests/check $(KERNEL) $(TESTS)
check-long: export PREFORK_LONG = 1
check-program: TESTS = $(PROGRAM) $(CORE)

# What a kernel cannot build without a warning it does not get.
check-matrix check-core:
	@for kernel in $(KERNELS); do \
		$(MAKE) --no-print-directory $(suite) KERNEL=$$kernel && \
		$(MAKE) --no-print-directory module claim KERNEL=$$kernel W=1 KCFLAGS=-Werror || exit; \
	done
	@selftests/matrix $(build)/matrix $(KERNELS) -- $(TESTS)
check-matrix: suite = selftests
check-matrix: export CONTINUE := $(CONTINUE)
check-core: suite = programs
check-core: TESTS = $(CORE)
check-core: KERNELS := $(filter-out debug debug-rt 6.1,$(KERNELS))

# Figures, in build/bench.
bench: module monitor
	@selftests/qemu/packages forkstat gnuplot-nox libseccomp-dev
	@$(MAKE) --no-print-directory -C selftests/bench O=$(build)/bench/programs \
		LIBPREFORK=$(build)/monitor/libprefork.a
	@selftests/bench/bench $(build)/bench $(KERNEL) $(WHAT)

check-dkms: monitor
	@selftests/qemu/dkms bookworm 6.1
	@selftests/qemu/dkms sid newest

# A fresh build: kbuild checks what it compiles.
lint: packages
	@rm -rf $(build)/lint
	@$(MAKE) --no-print-directory module claim out=$(build)/lint W=1 C=1 CF=-Wsparse-error KCFLAGS=-Werror
	@$(MAKE) --no-print-directory -C monitor O=$(build)/lint/monitor WERROR=1
	cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability \
		--inline-suppr --suppress=missingInclude -Iuapi -Imonitor -Imonitor/lib \
		monitor selftests/qemu
	mandoc -T lint -W warning docs/man/*.[0-9]
	zsh -n monitor/completion/_vforkmon
	shellcheck -s bash monitor/completion/vforkmon.bash
	shellcheck -x $$(git ls-files | xargs -r grep -lE '^#!/bin/(ba)?sh')

# DKMS, where there is one, builds the module for each kernel that is installed.
version := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"$$/\1/p' dkms.conf)
source = $(DESTDIR)/usr/src/prefork-$(version)

install: monitor $(if $(KDIR),module,install-source)
	@$(MAKE) --no-print-directory -C monitor O=$(build)/monitor install
	$(if $(KDIR),+@$(kbuild) --no-print-directory INSTALL_MOD_PATH=$(DESTDIR) modules_install)
	$(if $(KDIR)$(DESTDIR),,@command -v dkms >/dev/null || \
		{ echo 'The module is not built: install dkms, or name a kernel with KDIR=...' >&2; exit 1; }; \
		dkms install --force prefork/$(version))

install-source:
	install -d $(source)/module $(source)/uapi/linux
	install -m 644 dkms.conf Kbuild LICENSE $(source)
	install -m 644 module/*.[ch] $(source)/module
	install -m 644 uapi/linux/*.h $(source)/uapi/linux

clean:
	rm -rf $(CURDIR)/build

.PHONY: all help packages build-packages module claim monitor sanitized programs selftests run shell check check-long check-program check-matrix check-core bench check-dkms lint install install-source clean
