#!/usr/bin/env python3
"""Adds up the tests of several CTest runs (JUnit files) and says what failed.

    tally.py build/tests.xml build/dev/tests.xml ...

A Criterion program and a Python test of whole/ count with each of their cases, read from what they print; any other
test counts as one. The last line is `N passed, N failed, N skipped`; exit code 1 if any failed or none ran.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree

CRITERION = re.compile(r"Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+) \| Crashing: (\d+)")
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped\s*$", re.M)
SKIP_LINE = re.compile(r"^skip(?:ped)?:? .*$", re.M | re.I)
SHOWN_LINES = 60


def count(case):
    """(passed, failed, skipped) of one CTest test, and what it printed."""
    status = case.get("status")
    output = case.findtext("system-out") or ""
    failed = status == "fail" or case.find("failure") is not None
    if match := CRITERION.search(output):
        tested, passing = int(match[1]), int(match[2])
        numbers = [passing, tested - passing, 0]
    elif matches := SUMMARY.findall(output):
        numbers = [int(n) for n in matches[-1]]
    elif case.find("skipped") is not None or status in ("notrun", "disabled"):
        numbers = [0, 0, 1]
    else:
        numbers = [0 if failed else 1, 0, 0]
    if failed and not numbers[1]:
        numbers[1] = 1      # a crash, a time-out or a sanitizer's report
    return numbers, output


def main(files):
    total = [0, 0, 0]
    for file in files:
        run = [0, 0, 0]
        for case in ElementTree.parse(file).getroot().iter("testcase"):
            numbers, output = count(case)
            run = [a + b for a, b in zip(run, numbers)]
            if numbers[1]:
                print("---- failed: %s (%s)" % (case.get("name"), file))
                print("\n".join(output.splitlines()[-SHOWN_LINES:]))
            elif numbers[2]:
                reason = SKIP_LINE.findall(output)
                print("skipped: %s (%s)%s" % (case.get("name"), file, "".join("\n    " + r for r in reason)))
        print("%-24s %d passed, %d failed, %d skipped" % (file, *run))
        total = [a + b for a, b in zip(total, run)]
    print("%d passed, %d failed, %d skipped" % tuple(total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
