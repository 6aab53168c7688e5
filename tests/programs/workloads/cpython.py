# SPDX-License-Identifier: MIT OR Apache-2.0
"""cpython.py MODULE…: CPython's own tests of these modules; prints what became of
each test, in the order of their names. Exit status 1 if a module could not be
loaded or has no test that succeeded."""

import os
import sys
import unittest

outcomes = {}


class Recorder(unittest.TestResult):
    """Keeps one word for each test; the worst where subtests have their own."""

    def addSuccess(self, test):
        outcomes.setdefault(test.id(), "ok")

    def addSkip(self, test, reason):
        outcomes.setdefault(test.id(), "skipped")

    def addExpectedFailure(self, test, err):
        outcomes.setdefault(test.id(), "failed as expected")

    def addUnexpectedSuccess(self, test):
        outcomes[test.id()] = "succeeded unexpectedly"

    def addFailure(self, test, err):
        outcomes[test.id()] = "failed"

    def addError(self, test, err):
        outcomes[test.id()] = "error %s" % err[0].__name__

    def addSubTest(self, test, subtest, err):
        if err is not None:
            outcomes[test.id()] = "failed in a part"


report, complaints = os.dup(1), os.dup(2)
quiet = os.open("/dev/null", os.O_RDWR)
os.dup2(quiet, 1)
os.dup2(quiet, 2)
wrong = []
for name in sys.argv[1:]:
    before = set(outcomes)
    unittest.defaultTestLoader.loadTestsFromName("test." + name).run(Recorder())
    # What cannot be imported is a test that fails, of unittest's own.
    if not any(outcomes[test] == "ok" for test in outcomes.keys() - before):
        wrong.append("%s: no test of it succeeded" % name)
with open(report, "w") as file:
    for test in sorted(outcomes):
        print(test, outcomes[test], file=file)
with open(complaints, "w") as file:
    file.writelines(line + "\n" for line in wrong)
os._exit(1 if wrong else 0)
