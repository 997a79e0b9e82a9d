#!/usr/bin/env python3
"""ONNX's own operator tests (the onnx package's node, simple, pytorch-converted, pytorch-operator and light suites), in the
three forms of tests/conformance/forms.py, against tests/conformance/expected.txt.

Every case must pass but those that the file lists, with the status that it gives, and with its message, so that none fails
for another reason than the one that was reviewed; one of those that passes fails too. Level quick takes every eighth case, a
binary with sanitizers every fortieth.

    test_conformance.py [--write] [--measure] [FORM...] [--match TEXT]
        --write     print the lines that the file should have
        --measure   write tests/conformance/measured.json, from all cases as they are (see conformance/operators.py)
"""
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import common

sys.path.insert(0, str(common.ROOT / "tests" / "conformance"))
import forms  # noqa: E402
import operators  # noqa: E402

EXPECTED = common.ROOT / "tests" / "conformance" / "expected.txt"
WORK = Path(common.MODELS).parent / "conformance"
CASE_TIMEOUT_S = 120 if common.SANITIZED else 30
TOLERANCE = ("--rtol=1e-3", "--atol=1e-7", "--atol-scaled=1e-5")
EVERY = 1 if common.EVERYTHING and not common.SANITIZED else 40 if common.SANITIZED else 8


def read_expected():
    """{(form, case): (status, reason, part of the message)}; form `*` stands for all three."""
    found = {}
    for line in EXPECTED.read_text().splitlines():
        if line and not line.startswith("#"):
            form, case, status, rest = line.split(None, 3)
            reason, bar, part = rest.partition(" | ")
            assert bar and part.strip(), "%s: a line without a part of the message: %s" % (EXPECTED, line)
            for one in forms.FORMS if form == "*" else (form,):
                found[one, case] = (status, reason, part.strip())
    return found


def verify(form, made):
    """{case: answer of `ingot verify`}"""
    by_path = {str(path): name for name, path in made.items()}
    command = [str(common.INGOT), "verify", "--json", "--case-timeout=%d" % CASE_TIMEOUT_S, *TOLERANCE]
    if form == "dynamic":
        command.append("--dynamic")
    done = subprocess.run([*command, *by_path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, errors="replace")
    answers = {}
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        if "path" in answer:
            answers[by_path[answer["path"]]] = answer
    return answers


def judge(form, case, answer, expected):
    """(right, sentence)"""
    status = answer["status"] if answer else "none"
    if status == "pass" and not answer["outputs"]:
        status = "skip"
    want, reason, part = expected.get((form, case), ("pass", "", ""))
    message = " ".join((answer or {}).get("message", "").split())
    if status == want and part in message:
        return True, "%s (%s)" % (status, reason) if reason else status
    return False, "%s, expected %s%s: %s" % (status, want, " with '%s'" % part if part else "", message[-300:])


def compare_measured(answers, made):
    """What the run saw of each operator is what is recorded: number of differences."""
    seen, _ = operators.collect(answers, made, operators.operators(common.INGOT))
    wrong = list(operators.differences(json.loads(operators.MEASURED.read_text()), seen))
    for sentence in wrong:
        print("FAILED: measured.json: %s" % sentence)
    return len(wrong)


def main():
    if not common.INGOT.exists():
        print("skipped: no binary %s" % common.INGOT)
        sys.exit(77)
    arguments = sys.argv[1:]
    write, measure = "--write" in arguments, "--measure" in arguments
    match = arguments[arguments.index("--match") + 1] if "--match" in arguments else ""
    chosen = ["as_is"] if measure else [f for f in forms.FORMS if f in arguments] or forms.FORMS
    wanted = [c for i, c in enumerate(forms.cases())
              if (write or measure or match or i % EVERY == 0) and match in c[1]]
    expected, passed, failed = read_expected(), 0, 0
    for form in chosen:
        made = forms.make(form, wanted, WORK)
        answers, statuses = verify(form, made), Counter()
        for case in sorted(made):
            right, sentence = judge(form, case, answers.get(case), expected)
            passed, failed = passed + right, failed + (not right)
            statuses[sentence.split()[0].rstrip(",")] += 1
            if write and not (right and sentence == "pass"):
                answer = answers.get(case, {"status": "none", "message": ""})
                print(form, case, answer["status"], answer["message"].replace("\n", " ")[-160:])
            elif not right:
                print("FAILED: %s %s: %s" % (form, case, sentence))
        if measure:
            record = operators.measure(common.INGOT, answers, made)
            operators.MEASURED.write_text(json.dumps(record, indent=1) + "\n")
        elif form == "as_is" and EVERY == 1 and not match:
            failed += compare_measured(answers, made)
        print("%s %s: %d cases, %s" % ("#" if write else "ok:", form, len(made), dict(statuses)))
    common.summary(passed, failed, 0)


if __name__ == "__main__":
    main()
