#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A parallel build of a tree of makefiles. What runs in parallel writes to
# files, which the end prints in order.
set -eu

mkdir -p sub1/deep sub2/deep
cat > Makefile <<'END'
names := $(shell seq 1 20)
lines := $(shell printf 'a\nb\n' | tr a-z A-Z | sort -r)
dirs := sub1 sub2

all: words dirs
	@cat $(names:%=word%) | sort -n | paste -s -d ' '
	@cat $(dirs:%=%/out) $(dirs:%=%/deep/out)
	@echo "lines $(lines) level $(MAKELEVEL) $(shell echo $$(echo nested $$(echo deeply)))"
	-@exit 3
	@echo 'after a failure that is ignored'
	@$(MAKE) --no-print-directory fails; echo "make failed with $$?"
	+@$(MAKE) --no-print-directory -n dry

words: $(names:%=word%)
word%:
	@(echo $* | cat) > $@.new && mv $@.new $@

dirs: $(dirs)
$(dirs):
	@$(MAKE) --no-print-directory -C $@ NAME=$@

fails:
	@(exit 5) | (exit 6)
dry:
	echo never run
.PHONY: all words dirs fails dry $(dirs)
END
for dir in sub1 sub2; do
    cat > $dir/Makefile <<'END'
include generated.mk
all: out deep
out: part1 part2 part3
	@for part in $^; do sed "s/^/$(NAME) $(generated) /" $$part; done > $@
part%: source%
	@sort -r $< | head -n 2 > $@
source%:
	@for i in 1 2 3; do echo "$* $$(echo $$i)"; done > $@
generated.mk:
	@echo "generated := $$(echo remade)" > $@
deep:
	@$(MAKE) --no-print-directory -C deep
.SECONDARY:
.PHONY: all deep
END
    printf 'SHELL := /bin/bash\nout:\n\t@set -o pipefail; false | cat; echo "$(NAME) deep $$?" > $@\n' > $dir/deep/Makefile
done

make -j2 --no-print-directory
echo "== again"
make -j2 --no-print-directory
echo "== one shell"
printf '.ONESHELL:\nall:\n\t@a=$$(echo kept)\n\techo "$$a" | cat\n' | make -f -
