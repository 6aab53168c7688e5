# SPDX-License-Identifier: MIT OR Apache-2.0
"""unittest, as TAP."""

import unittest


class AsTap(unittest.TestResult):
    """Prints a line a test, with its docstring for a name."""

    def line(self, test: unittest.TestCase, ok: bool, after: str = "") -> None:
        name = test.shortDescription() or test.id()
        print(f"{'ok' if ok else 'not ok'} {self.testsRun} - {name}{after}", flush=True)

    def broken(self, test: unittest.TestCase, error) -> None:
        self.line(test, False)
        print(
            "".join(f"# {line}\n" for line in self._exc_info_to_string(error, test).splitlines()),
            end="",
            flush=True,
        )

    def addSuccess(self, test: unittest.TestCase) -> None:
        self.line(test, True)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.line(test, True, f" # SKIP {reason}")

    def addFailure(self, test: unittest.TestCase, err) -> None:
        super().addFailure(test, err)
        self.broken(test, err)

    def addError(self, test: unittest.TestCase, err) -> None:
        super().addError(test, err)
        self.broken(test, err)


def run(suite: unittest.TestSuite) -> bool:
    """Runs them; whether all passed."""
    result = AsTap()
    suite.run(result)
    print(f"1..{result.testsRun}")
    return result.wasSuccessful() and result.testsRun > 0
