# SPDX-License-Identifier: MIT OR Apache-2.0
"""The driver of the tests: builds and runs them, reads their TAP, says what they came to.

tap         the only reader of TAP
source      a C test's directives, and the jobs they come to
project     where all is
toolchain   the compilers of this machine, and how each mode is linked
fetched     the same for a C library of Debian's that tools/fetch-libc unpacked
build       C tests built, or taken from what was built before
cross       the library built for another architecture
session     one command in a session of its own, with a time limit
pool        jobs side by side, each in a process of its own
report      what is shown while tests run, and after
run         a run of C tests: its directory, its lines about itself, its end
native      a run on this machine's kernel
console     what a guest says, taken apart
image       what a guest finds at /
guest       a run on a kernel of Debian's in qemu
suites      everything else that prints TAP
targets     which targets a check has, and which tests of each are its core
check       the checks themselves
results     counts of what runs left behind, as a table
readme      the same in README.md
wanted      what is not here, and which make target installs it
cli         the commands
"""
