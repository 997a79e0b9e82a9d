#!/usr/bin/env python3
"""What compiles of some models come to, against the values in regression.json: kernels, steps, portable ops, memory,
size of the code, and instructions of one run as callgrind counts them. All for x86-64-v3 and one thread, so that the
values are the same on every machine; those that a C compiler or LLVM has a say in may move a little. callgrind takes
about a second for 5 million instructions: quick tests leave it out for models with more than QUICK_INSTRUCTIONS.

    test_regression.py            what is worse fails, what is better is printed
    test_regression.py --write    records what there is now, and prints what moved
"""
import json
import re
import shutil
import sys
import unittest
from pathlib import Path

import common
from common import cases

HERE = Path(__file__).resolve().parent
RECORDED = HERE / "regression.json"
CPU = "x86-64-v3"       # Debian's valgrind knows no AVX-512
MODELS = ("digits", "oww_alexa.b1", "oww_embedding.b1", "silero_vad.b1", "magika.b1", "ppocrv2_cls.b1", "lstm2.s128_b1",
          "light_squeezenet.b1", "light_shufflenet.b1", "mobilenet_v2.b1", "minilm_l3.b1_s128")
ALLOWED = {"kernels": 0, "steps": 0, "portable_ops": 0, "arena_bytes": 0, "weights_bytes": 0, "code_bytes": 0.02,
           "instructions": 0.01}        # how much of the recorded value one may be over; in all, less is better
DIGITS_INPUTS = {"image": {"shape": [1, 1, 8, 8], "dtype": "float32", "gen": "uniform"}}
QUICK_INSTRUCTIONS = 10_000_000


class Counter(common.Case):
    """Compiles and counts; the test cases below are made of it."""

    @classmethod
    def setUpClass(cls):
        cls.recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}

    def find(self, name):
        """Path of the model, and its inputs as the manifests describe them."""
        if name == "digits":
            return common.DIGITS / "digits.onnx", DIGITS_INPUTS
        return common.model(name), cases.entries([name])[0]["inputs"]

    def write_inputs(self, path, inputs):
        folder = self.work / "inputs"
        folder.mkdir()
        for i, (name, _, _) in enumerate(common.session_inputs(path)):
            (folder / ("%d.bin" % i)).write_bytes(cases.make_input(i + 1, inputs[name]).tobytes())
        return folder

    def instructions(self, out, path, inputs):
        """Of the second run, kernels and runtime."""
        program = self.work / "count"
        self.succeed(common.run("gcc", "-O2", "-I", common.ROOT, "-I", common.ROOT / "include", HERE / "client_count.c",
                                common.INGOT.parent / "libingot_rt.a", "-o", program, "-lm", "-lpthread", "-ldl"))
        done = common.run("valgrind", "--tool=callgrind", "--toggle-collect=counted_run",
                          "--callgrind-out-file=" + str(self.work / "callgrind"), program, out / "model.so",
                          self.write_inputs(path, inputs))
        self.succeed(done)
        return int(re.search(r"Collected : (\d+)", done.stderr)[1])

    def count(self, name, with_instructions=True):
        path, inputs = self.find(name)
        shapes = ["--shape=%s=%s" % (key, "x".join(map(str, spec["shape"])))
                  for key, spec in inputs.items() if spec["shape"]]
        out = self.compile(path, self.work / "out", "--name=model", "--emit=so,obj", "--cpu", CPU, "-q", *shapes)
        report = json.loads((out / "model.json").read_text())
        kernels = sorted(out.glob("ingot_k_*.o"))
        sizes = self.succeed(common.run("size", "--totals", *kernels)).splitlines()
        counts = {"kernels": report["versions"][0]["kernels"], "steps": len(report["steps"]),
                  "portable_ops": report["versions"][0]["portable"], "arena_bytes": report["memory"]["arena_bytes"],
                  "weights_bytes": report["memory"]["weights_bytes"], "code_bytes": int(sizes[-1].split()[0])}
        if with_instructions:
            counts["instructions"] = self.instructions(out, path, inputs)
        return counts

    def check(self, name):
        old = self.recorded.get(name, {})
        quick = old.get("instructions", 0) <= QUICK_INSTRUCTIONS
        worse, better = moves(old, self.count(name, quick or common.EVERYTHING))
        for line in better:
            print("%s: better: %s; test_regression.py --write records it" % (name, line))
        self.assertFalse(worse, "\n%s: %s\nIf that is meant to be: test_regression.py --write" % (
            name, "; ".join(worse)))


def moves(old, new):
    """Sentences on what got worse by more than is allowed, and on what got as much better."""
    worse, better = [], []
    for key, allowed in ALLOWED.items():
        if key not in new:
            continue
        if key not in old:
            worse.append("%s %s, nothing recorded" % (key, format(new[key], ",")))
        elif abs(new[key] - old[key]) > allowed * old[key]:
            (worse if new[key] > old[key] else better).append("%s %s -> %s%s" % (
                key, format(old[key], ","), format(new[key], ","),
                " (%+.1f %%, allowed %g %%)" % (100 * (new[key] / old[key] - 1), 100 * allowed) if old[key] else ""))
    return worse, better


@unittest.skipIf(common.SANITIZED, "counts of a release build")
@unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
class Regression(Counter):
    pass


for model in MODELS:
    setattr(Regression, "test_" + re.sub(r"\W", "_", model), lambda self, name=model: self.check(name))


def write():
    """Records the counts of all models."""
    old = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    new = {}
    for name in MODELS:
        counter = Counter("check")
        counter.setUp()
        try:
            new[name] = counter.count(name)
        finally:
            counter.doCleanups()
        for line in sum(moves(old.get(name, {}), new[name]), []):
            print("%s: %s" % (name, line), flush=True)
    lines = ",\n".join(' "%s": %s' % (name, json.dumps(counts)) for name, counts in new.items())
    RECORDED.write_text("{\n%s\n}\n" % lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        common.main()
