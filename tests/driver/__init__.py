# SPDX-License-Identifier: MIT OR Apache-2.0
"""The test driver: builds and runs the tests, reads their TAP, reports the results.

tap         the only reader of TAP
source      a C test's directives, and the jobs that follow from them
project     the project's directories
toolchain   the compilers of this machine, and how each mode is linked
fetched     the same for a Debian C library that tools/fetch-libc unpacked
build       builds C tests, or reuses earlier builds
cross       builds the library for another architecture
session     one command in a session of its own, with a time limit
pool        runs jobs in parallel, each in a process of its own
report      progress output and summary
run         a run of C tests: its directory, its results
native      a run on this machine's kernel
console     parses a guest's console output
image       a guest's initramfs
guest       a run on a kernel of Debian's in qemu
suites      the other tests that print TAP
targets     the targets of each check, and the core selection of tests
check       the checks themselves
results     a table of the results of runs
readme      that table in README.md
wanted      missing programs, and which make target installs them
cli         the command line
"""
