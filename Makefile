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
Q       := $(if $(filter 1,$(V)),,@)

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SONAME  := libclone3.so.0
B       := build
PLACES  = "$(PREFIX)" "$(LIBDIR)" "$(INCLUDEDIR)" "$(RPATH)"
# The loader's cache of libraries; not where files are only staged. musl has none.
TELL_LOADER = [ -n "$(DESTDIR)" ] || ! PATH="$$PATH:/usr/sbin:/sbin" command -v ldconfig >/dev/null || \
    { [ "$$(id -u)" = 0 ] && PATH="$$PATH:/usr/sbin:/sbin" ldconfig; } || \
    echo "as root, run ldconfig, if $(LIBDIR) is a directory that it knows" >&2
# How much longer than usual the benchmarks take.
SCALE   ?= 1
# SUITE:ARCH[:FILTER|:shadow] of Debian (bullseye 5.10, bookworm 6.1, trixie 6.12, sid): what
# check-core takes, and what check-kernels does. check-arch has bookworm:aarch64.
KERNELS ?= sid:x86_64 sid:x86_64:enosys bookworm:aarch64
ALL_KERNELS := bullseye:x86_64 bookworm:x86_64 trixie:x86_64 sid:x86_64 sid:x86_64:enosys \
    sid:aarch64 sid:riscv64 sid:aarch64:shadow sid:riscv64:shadow
CHECKED_KERNELS = $(if $(filter file,$(origin KERNELS)),$(ALL_KERNELS),$(KERNELS))
# SUITE:LIBC of Debian: glibc 2.31, 2.36, 2.41, 2.43, musl 1.2.2, 1.2.3, 1.2.5, 1.2.6 in 2026.
LIBCS   ?= bullseye:glibc sid:glibc sid:musl
ALL_LIBCS := bullseye:glibc bookworm:glibc trixie:glibc sid:glibc \
    bullseye:musl bookworm:musl trixie:musl sid:musl
CLI_SOURCES := $(shell find cli -type f) include/clone3.h Cargo.toml Cargo.lock tools/build-cli
# Of completions: what build/completions has, and where it goes.
COMPLETIONS = clone3:bash-completion/completions _clone3:zsh/site-functions clone3.fish:fish/vendor_completions.d
SOURCES := $(shell find src -type f) build.rs cbindgen.toml Cargo.toml Cargo.lock .cargo/config.toml tools/build tools/package

all: $(B)/libclone3.so $(B)/libclone3.a $(B)/libclone3.pc include/clone3.h $(B)/clone3 ## build the library and the command into build/

# cargo decides what is up to date; the stamp only keeps make from asking twice.
$(B)/.stamp: $(SOURCES)
	$(Q)CARGO="$(CARGO)" tools/build $(B) host
	$(Q)touch $@

$(B)/libclone3.so $(B)/libclone3.a: $(B)/.stamp

$(B)/libclone3.pc: tools/package-config Makefile Cargo.toml
	$(Q)mkdir -p $(B)
	$(Q)tools/package-config $(VERSION) $(PLACES) > $@

$(B)/clone3: $(CLI_SOURCES) | $(B)/.stamp
	$(Q)CARGO="$(CARGO)" CLONE3_LIBDIR="$(LIBDIR)" tools/build-cli $(B)

include/clone3.h: $(B)/.stamp
	$(Q)cmp -s $(B)/clone3.h $@ || { echo "include/clone3.h differs from its sources; 'make header' writes it anew" >&2; exit 1; }

header: $(B)/.stamp ## write include/clone3.h anew from the sources
	$(Q)cp $(B)/clone3.h include/clone3.h

aarch64: $(SOURCES) ## cross-build into build/aarch64/ (Debian's rustc-web and std)
i686: $(SOURCES) ## the same for 32-bit x86, into build/i686/
riscv64: $(SOURCES) ## the same, into build/riscv64/ (a newer Debian's rustc, 125 MB into ~/.cache)
aarch64 i686 riscv64:
	$(Q)tools/setup $@
	$(Q)RUSTC=$$(tools/cross-rustc $@) && target=$$(tools/cross-rustc $@ target) && export RUSTC && \
	    COMPILER_PATH=/usr/bin CROSS=$@-linux-gnu- CARGO="$(CARGO)" \
	    tools/build $(B)/$@ $@ --target $$target --target-dir target/debian

setup: ## install what building needs (Debian, Ubuntu)
	$(Q)tools/setup build

demo: ## install what is missing, build, run real programs under the preload
	$(Q)tools/setup build programs
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/demo $(B)/libclone3.so

check: ## install what is missing, build, run the tests on this machine
	$(Q)tools/setup build check programs servers
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/check $(B) here

check-core: ## the core of check-filters, check-arch, check-libcs, check-kernels
	$(Q)tools/setup build check kernels
	$(Q)$(MAKE) --no-print-directory all
	$(Q)KERNELS="$(KERNELS)" LIBCS="$(LIBCS)" tools/check $(B) filters arch libcs kernels

check-filters: ## the C tests where seccomp filters hide clone3
	$(Q)tools/setup build check
	$(Q)$(MAKE) --no-print-directory all
	$(Q)FILTERS=all tools/check $(B) filters

check-quick: all ## nothing but the C tests on this machine's libcs
	$(Q)tools/run-c-tests $(B) x86_64

check-kernels: ## the C tests on Debian's kernels in qemu (KERNELS="SUITE:ARCH[:FILTER] …")
	$(Q)tools/setup build check kernels
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/check-kernels $(B) $(CHECKED_KERNELS)

check-libcs: ## the C tests on Debian's C libraries, from 2.31 and 1.2.2 on (LIBCS="SUITE:LIBC …")
	$(Q)tools/setup build check
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/check-libcs $(B) $(if $(filter file,$(origin LIBCS)),$(ALL_LIBCS),$(LIBCS))

check-arch: ## the C tests on aarch64 (qemu-user, qemu-system), i686 (also behind a filter), riscv64 (qemu-user)
	$(Q)tools/setup build check kernels
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/check-arch $(B) aarch64 i686 riscv64

check-programs: ## real programs and servers without and with the preload, as a table
	$(Q)tools/setup build check programs servers
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/check-programs $(B)

check-all: ## check, check-filters, and the whole of check-libcs, -kernels, -arch, -programs
	$(Q)status=0; for part in check check-filters check-libcs check-kernels check-arch check-programs; do \
	    $(MAKE) --no-print-directory $$part || status=1; done; exit $$status

matrix-table: ## write the results that are in build/check into README.md
	$(Q)tools/matrix-table $(B)

FUZZ_SECONDS ?= 600
fuzz: all ## random plans of clone3_spawn against a slow reference (FUZZ_SECONDS=600, as root)
	$(Q)tools/setup build fuzz
	$(Q)fuzz/run $(B) $(FUZZ_SECONDS)

bench: bench-calls bench-spawn bench-threads ## all of the benchmarks below; results in build/bench/

bench-calls: all ## fork, vfork and syscall() against the libc's own, as ratios
	$(Q)bench/calls $(B)

bench-spawn: all ## posix_spawn against other libcs, vfork, fork and bare C; table, JSON, chart
bench-threads: all ## threads against other libcs' pthreads and bare C; table, JSON, chart
bench-spawn bench-threads:
	$(Q)tools/setup bench
	$(Q)bench/$(@:bench-%=%) $(B) $(SCALE)

bench-keep: ## copy the results in build/bench/ to bench/results/, to be committed
	$(Q)bench/keep $(B)


# What is installed without DESTDIR is found at once: by ldconfig where the loader knows the
# directory, and elsewhere by the rpath that libclone3.pc gives (RPATH=auto; yes, no).
install: all ## install into DESTDIR/PREFIX (also BINDIR, LIBDIR, INCLUDEDIR, MANDIR, DATADIR, RPATH)
	$(Q)install -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)"
	$(Q)install -m 755 $(B)/$(SONAME) "$(DESTDIR)$(LIBDIR)/$(SONAME)"
	$(Q)ln -sf $(SONAME) "$(DESTDIR)$(LIBDIR)/libclone3.so"
	$(Q)install -m 644 $(B)/libclone3.a "$(DESTDIR)$(LIBDIR)/libclone3.a"
	$(Q)tools/package-config $(VERSION) $(PLACES) > "$(DESTDIR)$(LIBDIR)/pkgconfig/libclone3.pc"
	$(Q)install -m 644 include/clone3.h include/clone3-spawn.h "$(DESTDIR)$(INCLUDEDIR)/"
	$(Q)install -D -m 755 $(B)/clone3 "$(DESTDIR)$(BINDIR)/clone3"
	$(Q)for pair in $(COMPLETIONS); do [ ! -f "$(B)/completions/$${pair%:*}" ] || \
	    install -D -m 644 "$(B)/completions/$${pair%:*}" "$(DESTDIR)$(DATADIR)/$${pair#*:}/$${pair%:*}" || exit 1; done
	$(Q)for page in man/*.[37] $(B)/man1/*.1; do section=$${page##*.}; [ -f "$$page" ] || continue; \
	    install -D -m 644 "$$page" "$(DESTDIR)$(MANDIR)/man$$section/$${page##*/}" || exit 1; done
	$(Q)$(TELL_LOADER)

uninstall: ## remove what install put there
	$(Q)rm -f "$(DESTDIR)$(LIBDIR)/$(SONAME)" "$(DESTDIR)$(LIBDIR)/libclone3.so" \
	    "$(DESTDIR)$(LIBDIR)/libclone3.a" "$(DESTDIR)$(LIBDIR)/pkgconfig/libclone3.pc" \
	    "$(DESTDIR)$(INCLUDEDIR)/clone3.h" "$(DESTDIR)$(INCLUDEDIR)/clone3-spawn.h"
	$(Q)rm -f "$(DESTDIR)$(BINDIR)/clone3"
	$(Q)for pair in $(COMPLETIONS); do rm -f "$(DESTDIR)$(DATADIR)/$${pair#*:}/$${pair%:*}"; done
	$(Q)for page in man/*.[37] $(B)/man1/*.1; do section=$${page##*.}; \
	    rm -f "$(DESTDIR)$(MANDIR)/man$$section/$${page##*/}"; done
	$(Q)$(TELL_LOADER)

dist: ## a source archive of the last commit
	$(Q)mkdir -p $(B)
	$(Q)git archive --prefix=libclone3-$(VERSION)/ -o $(B)/libclone3-$(VERSION).tar.gz HEAD

clean: ## remove all that was built
	$(Q)rm -rf $(B) target

help: ## this text
	@echo "libclone3 $(VERSION)"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '|'
	@echo "  PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) LIBDIR=$(LIBDIR) V=1 (show commands) NO_INSTALL=1 (of packages)"

.PHONY: all header aarch64 i686 riscv64 setup demo check check-quick check-core check-filters check-kernels check-libcs check-arch check-programs check-all matrix-table fuzz bench bench-calls bench-spawn bench-threads bench-keep install uninstall dist clean help
.DELETE_ON_ERROR:
