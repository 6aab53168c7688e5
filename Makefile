# SPDX-License-Identifier: MIT OR Apache-2.0
# libclone3: `make help` explains the targets.

PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR  ?= $(PREFIX)/share/man
BINDIR  ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
DESTDIR ?=
RPATH   ?= auto
CARGO   ?= cargo
V       ?= 0
VENDOR  ?= 0
Q       := $(if $(filter 1,$(V)),,@)

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
FLAVOURS := libclone3 libclone3-api
B       := build
PLACES  = "$(PREFIX)" "$(LIBDIR)" "$(INCLUDEDIR)" "$(RPATH)"
# The loader's cache of libraries; not where files are only staged. musl has none.
TELL_LOADER = [ -n "$(DESTDIR)" ] || ! PATH="$$PATH:/usr/sbin:/sbin" command -v ldconfig >/dev/null || \
    { [ "$$(id -u)" = 0 ] && PATH="$$PATH:/usr/sbin:/sbin" ldconfig; } || \
    echo "as root, run ldconfig, if $(LIBDIR) is a directory that it knows" >&2
# How much longer than usual the benchmarks take.
SCALE   ?= 1
CLI_SOURCES := $(shell find cli trace -type f) include/clone3.h Cargo.toml Cargo.lock tools/build-cli tools/rustflags.sh
# Of completions: what build/completions has, and where it goes.
COMPLETIONS = clone3:bash-completion/completions _clone3:zsh/site-functions clone3.fish:fish/vendor_completions.d
SOURCES := $(shell find src trace -type f) build.rs cbindgen.toml Cargo.toml Cargo.lock .cargo/config.toml tools/build tools/rustflags.sh tools/package

# What is to be installed (make setup-check check) is so before anything is built.
SETUPS  := $(filter setup setup-%,$(MAKECMDGOALS))

all: $(FLAVOURS:%=$(B)/%.so) $(FLAVOURS:%=$(B)/%.a) $(FLAVOURS:%=$(B)/%.pc) include/clone3.h $(B)/clone3 ## build the library and the command into build/

# cargo decides what is up to date; the stamp only keeps make from asking twice.
$(B)/.stamp: $(SOURCES) | $(SETUPS)
	$(Q)CARGO="$(CARGO)" tools/build $(B) host
	$(Q)touch $@

$(FLAVOURS:%=$(B)/%.so) $(FLAVOURS:%=$(B)/%.a): $(B)/.stamp

$(FLAVOURS:%=$(B)/%.pc): $(B)/%.pc: tools/package-config Makefile Cargo.toml
	$(Q)mkdir -p $(B)
	$(Q)tools/package-config $* $(VERSION) $(PLACES) > $@

$(B)/clone3: $(CLI_SOURCES) | $(B)/.stamp
	$(Q)CARGO="$(CARGO)" CLONE3_LIBDIR="$(LIBDIR)" tools/build-cli $(B)

include/clone3.h: $(B)/.stamp
	$(Q)cmp -s $(B)/clone3.h $@ || { echo "include/clone3.h differs from its sources; 'make header' writes it anew" >&2; exit 1; }

header: $(B)/.stamp ## write include/clone3.h anew from the sources, and from it the Rust crate's declarations
	$(Q)cp $(B)/clone3.h include/clone3.h
	$(Q)tools/rust-sys

aarch64: $(SOURCES) | $(SETUPS) ## cross-build into build/aarch64/ (Debian's rustc-web and std)
i686: $(SOURCES) | $(SETUPS) ## the same for 32-bit x86, into build/i686/
riscv64: $(SOURCES) | $(SETUPS) ## the same, into build/riscv64/ (a newer Debian's rustc, 125 MB into ~/.cache)
aarch64 i686 riscv64:
	$(Q)tools/can-build $@ || { echo "make setup-$@ installs what $@ needs, where it can be had" >&2; exit 1; }
	$(Q)RUSTC=$$(tools/cross-rustc $@) && target=$$(tools/cross-rustc $@ target) && export RUSTC && \
	    COMPILER_PATH=/usr/bin CROSS=$@-linux-gnu- CARGO="$(CARGO)" \
	    tools/build $(B)/$@ $@ --target $$target --target-dir target/debian

# Nothing else installs packages.
setup: ## install what building needs (Debian, Ubuntu); NO_INSTALL=1 only says what is missing
	$(Q)tools/setup build
setup-programs: ## the same for demo and check-programs: git, strace and real programs
	$(Q)tools/setup build programs
setup-check: ## for check and all checks in qemu-user: compilers, programs, servers; adds arm64, i386 to dpkg
	$(Q)tools/setup build check programs servers
setup-kernels: ## for check-kernels, check-core, check-arch: also qemu-system
	$(Q)tools/setup build check kernels
setup-aarch64: ## for aarch64 alone
setup-i686: ## for i686
setup-riscv64: ## for riscv64
setup-aarch64 setup-i686 setup-riscv64:
	$(Q)tools/setup build $(@:setup-%=%)
setup-fuzz: ## for fuzz
	$(Q)tools/setup build fuzz
setup-bench: ## for bench
	$(Q)tools/setup build bench
setup-deb: ## for deb and check-deb: debhelper, lintian, debootstrap
	$(Q)tools/setup build deb

demo: all ## trace make -j2 and git at work: a tree, a summary, findings, a page for a browser
	$(Q)tools/demo $(B)

# What is missing here is a SKIP that says which setup target installs it.
check: all ## build, run the tests on this machine
	$(Q)tests/run check $(B) here

check-core: all ## the core of check-filters, check-arch, check-libcs, check-kernels
	$(Q)tests/run check --core $(B) filters arch libcs kernels

check-filters: all ## the C tests where seccomp filters hide clone3
	$(Q)tests/run check $(B) filters

check-quick: all ## nothing but the C tests on this machine's libcs
	$(Q)tools/run-c-tests $(B) x86_64

check-kernels: all ## the C tests on Debian's kernels in qemu (KERNELS="SUITE:ARCH[:FILTER] …")
	$(Q)tests/run check $(B) kernels

check-libcs: all ## the C tests on Debian's C libraries, from 2.31 and 1.2.2 on (LIBCS="SUITE:LIBC …")
	$(Q)tests/run check $(B) libcs

check-arch: all ## the C tests on aarch64 (qemu-user, qemu-system), i686 (also behind a filter), riscv64 (qemu-user)
	$(Q)tests/run check $(B) arch

check-programs: all ## real programs and servers without and with the preload, as a table
	$(Q)tests/run check $(B) programs

check-deb: ## Debian's packages: built, installed, used and removed in fresh bookworm, trixie, sid (SUITES="…"; as root)
	$(Q)tests/run check $(B) deb

check-reproducible: ## two builds in different directories, one of them without a network, give the same bytes
	$(Q)tests/run check $(B) reproducible

check-all: all ## check, check-filters, and the whole of check-libcs, -kernels, -arch, -programs, -deb, -reproducible
	$(Q)tests/run check $(B) here filters libcs kernels arch programs deb reproducible

abi: all ## commit to an ABI that has changed: writes tests/abi/*.abi anew (abidw of libabigail)
	$(Q)tests/abi/dump $(B) include tests/abi

matrix-table: ## write the results that are in build/check into README.md
	$(Q)tests/run readme $(B)

FUZZ_SECONDS ?= 600
fuzz: all ## random plans of clone3_spawn against a slow reference (FUZZ_SECONDS=600, as root)
	$(Q)fuzz/run $(B) $(FUZZ_SECONDS)
fuzz-traces: all ## traces that were changed anywhere, through all formats of clone3 report
	$(Q)fuzz/traces $(B) $(FUZZ_SECONDS)

bench: bench-calls bench-spawn bench-threads bench-traces ## all of the benchmarks below; results in build/bench/

bench-calls: all ## fork, vfork and syscall() against the libc's own, as ratios
	$(Q)bench/calls $(B)

bench-spawn: all ## posix_spawn against other libcs, vfork, fork and bare C; table, JSON, chart
bench-threads: all ## threads against other libcs' pthreads and bare C; table, JSON, chart
bench-traces: all ## loops and a build untraced, traced, and under strace; table, JSON, chart
bench-spawn bench-threads bench-traces:
	$(Q)bench/$(@:bench-%=%) $(B) $(SCALE)

bench-keep: ## copy the results in build/bench/ to bench/results/, to be committed
	$(Q)bench/keep $(B)


# What is installed without DESTDIR is found at once: by ldconfig where the loader knows the
# directory, and elsewhere by the rpath that the .pc files give (RPATH=auto; yes, no).
install: all ## install into DESTDIR/PREFIX (also BINDIR, LIBDIR, INCLUDEDIR, MANDIR, DATADIR, RPATH)
	$(Q)install -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)"
	$(Q)for name in $(FLAVOURS); do \
	    install -m 755 $(B)/$$name.so.0 "$(DESTDIR)$(LIBDIR)/$$name.so.0" && \
	    ln -sf $$name.so.0 "$(DESTDIR)$(LIBDIR)/$$name.so" && \
	    install -m 644 $(B)/$$name.a "$(DESTDIR)$(LIBDIR)/$$name.a" && \
	    tools/package-config $$name $(VERSION) $(PLACES) > "$(DESTDIR)$(LIBDIR)/pkgconfig/$$name.pc" || exit 1; done
	$(Q)install -d "$(DESTDIR)$(LIBDIR)/cmake/clone3"
	$(Q)tools/cmake-config "$(DESTDIR)$(LIBDIR)/cmake/clone3" $(VERSION) "$(LIBDIR)" "$(INCLUDEDIR)"
	$(Q)install -m 644 include/clone3.h include/clone3-spawn.h "$(DESTDIR)$(INCLUDEDIR)/"
	$(Q)install -D -m 755 $(B)/clone3 "$(DESTDIR)$(BINDIR)/clone3"
	$(Q)for pair in $(COMPLETIONS); do [ ! -f "$(B)/completions/$${pair%:*}" ] || \
	    install -D -m 644 "$(B)/completions/$${pair%:*}" "$(DESTDIR)$(DATADIR)/$${pair#*:}/$${pair%:*}" || exit 1; done
	$(Q)tools/check-docs --links $(B)/man3 > /dev/null || echo "no python3: some functions have no manual page of their own name" >&2
	$(Q)for page in man/*.[37] $(B)/man3/*.3 $(B)/man1/*.1; do section=$${page##*.}; [ -f "$$page" ] || continue; \
	    install -D -m 644 "$$page" "$(DESTDIR)$(MANDIR)/man$$section/$${page##*/}" || exit 1; done
	$(Q)$(TELL_LOADER)

uninstall: ## remove what install put there
	$(Q)for name in $(FLAVOURS); do for kind in so.0 so a; do rm -f "$(DESTDIR)$(LIBDIR)/$$name.$$kind"; done; \
	    rm -f "$(DESTDIR)$(LIBDIR)/pkgconfig/$$name.pc"; done
	$(Q)rm -f "$(DESTDIR)$(LIBDIR)/cmake/clone3/clone3-config.cmake" "$(DESTDIR)$(LIBDIR)/cmake/clone3/clone3-config-version.cmake"
	$(Q)rm -f "$(DESTDIR)$(INCLUDEDIR)/clone3.h" "$(DESTDIR)$(INCLUDEDIR)/clone3-spawn.h"
	$(Q)rm -f "$(DESTDIR)$(BINDIR)/clone3"
	$(Q)for pair in $(COMPLETIONS); do rm -f "$(DESTDIR)$(DATADIR)/$${pair#*:}/$${pair%:*}"; done
	$(Q)tools/check-docs --links $(B)/man3 > /dev/null || echo "no python3: some functions have no manual page of their own name" >&2
	$(Q)for page in man/*.[37] $(B)/man3/*.3 $(B)/man1/*.1; do section=$${page##*.}; \
	    rm -f "$(DESTDIR)$(MANDIR)/man$$section/$${page##*/}"; done
	$(Q)$(TELL_LOADER)

dist: ## a source archive of the last commit; VENDOR=1: with the crates, to build without a network
	$(Q)CARGO="$(CARGO)" tools/dist $(B) $(if $(filter 1,$(VENDOR)),vendor)

deb: ## Debian's packages of the last commit, into build/deb/
	$(Q)CARGO="$(CARGO)" tools/deb $(B)

clean: ## remove all that was built
	$(Q)rm -rf $(B) target

help: ## this text
	@echo "libclone3 $(VERSION)"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '|'
	@echo "  PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) LIBDIR=$(LIBDIR) V=1 (show commands)"

.PHONY: all header aarch64 i686 riscv64 setup setup-programs setup-check setup-kernels setup-aarch64 setup-i686 setup-riscv64 setup-fuzz setup-bench setup-deb demo check check-quick check-core check-filters check-kernels check-libcs check-arch check-programs check-deb check-reproducible check-all abi matrix-table fuzz fuzz-traces bench bench-calls bench-spawn bench-threads bench-traces bench-keep install uninstall dist deb clean help
.DELETE_ON_ERROR:
