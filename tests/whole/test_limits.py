#!/usr/bin/env python3
"""What a compile may take: memory at most twice the weights and 300 MB, and time, printed for every model here."""
import os
import subprocess
import time
import unittest

import common

FIXED_BYTES = 300 << 20
HANG_S = 120    # far over what is asked (20 s on 2 free cores): other tests may be running


@unittest.skipIf(common.SANITIZED, "sanitizers take memory of their own")
class Limits(common.Case):
    def check(self, name):
        path = common.model(name)
        start = time.monotonic()
        with open(self.work / "log", "wb") as log:
            process = subprocess.Popen([common.INGOT, "compile", path, "-o", self.work / "out"], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds, peak = time.monotonic() - start, usage.ru_maxrss << 10
        self.assertEqual(process.returncode, 0, (self.work / "log").read_text(errors="replace"))
        size = path.stat().st_size
        print("%s: %.1f s, peak %d MB for a model of %d MB" % (name, seconds, peak >> 20, size >> 20))
        self.assertLessEqual(peak, 2 * size + FIXED_BYTES)
        self.assertLess(seconds, HANG_S)

    def test_resnet50(self):
        self.check("resnet50")

    def test_bert_base(self):
        self.check("bert_base")

    def test_digits_leave_nothing_but_the_artifact(self):
        before = set(os.listdir(self.work))
        done = common.ingot("compile", common.DIGITS / "digits.onnx", "-o", "out", cwd=self.work)
        self.succeed(done)
        self.assertEqual(set(os.listdir(self.work)) - before, {"out"})
        self.assertEqual(sorted(str(f.relative_to(self.work / "out")) for f in (self.work / "out").rglob("*") if f.is_file()),
                         ["digits.a", "digits.h", "digits.json", "digits.weights", "ingot/runtime.h"])


if __name__ == "__main__":
    common.main()
