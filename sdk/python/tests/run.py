"""Runs the tests of one folder. Usage: run.py FOLDER COUNTS_FILE [--verbose]"""

import faulthandler
import json
import sys
import unittest
from pathlib import Path

LONGEST_TEST_SECONDS = 480


class Result(unittest.TextTestResult):
    passed = 0

    def startTest(self, test: unittest.TestCase) -> None:
        # A test that hangs shows where, and ends everything.
        faulthandler.dump_traceback_later(LONGEST_TEST_SECONDS, exit=True)
        super().startTest(test)

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.passed += 1


def main(folder: str, counts: str, *options: str) -> int:
    here = Path(__file__).resolve().parent
    sys.path.insert(0, str(here))
    tests = unittest.TestSuite()
    loader = unittest.TestLoader()
    for path in sorted(Path(folder).glob("test_*.py")):
        sys.path.insert(0, str(path.resolve().parent))
        tests.addTests(loader.loadTestsFromName(path.stem))
    verbosity = 2 if "--verbose" in options else 1
    runner = unittest.TextTestRunner(resultclass=Result, verbosity=verbosity)
    result = runner.run(tests)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    summary = {"passed": result.passed, "failed": failed, "skipped": len(result.skipped)}
    for test, why in result.skipped:
        print(f"  skipped: {test}: {why}")
    Path(counts).write_text(json.dumps(summary))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
