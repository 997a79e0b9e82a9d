"""What the whole-model tests share: the binary under test, the models, reference results, and the runner.

Set by CTest and ./dev test:
    INGOT             the binary (default build/ingot)
    INGOT_MODELS      folder of full models (default build/models); missing ones are made or fetched
    INGOT_TEST_LEVEL  quick or all: `all` turns a model that cannot be had from a skip into a failure
    INGOT_SANITIZE    not empty: the binary is slow, take small models only
A test is a unittest.TestCase; `main()` runs the file's and ends with the line `N passed, N failed, N skipped`.
"""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as error:
    print("skipped: this Python lacks %s; ./dev test makes one that has it" % error.name)
    sys.exit(77)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "models"))
import cases  # noqa: E402

INGOT = Path(os.environ.get("INGOT", ROOT / "build" / "ingot")).resolve()
MODELS = Path(os.environ.get("INGOT_MODELS", ROOT / "build" / "models")).resolve()
EVERYTHING = os.environ.get("INGOT_TEST_LEVEL", "quick") == "all"
SANITIZED = bool(os.environ.get("INGOT_SANITIZE"))
DIGITS = ROOT / "examples" / "digits"
TIMEOUT_S = 600
RTOL, ATOL_SCALED = 1e-3, 1e-4      # the accuracy asked of float32 models: rtol, and atol over the largest value


def ingot(*arguments, timeout=TIMEOUT_S, cwd=None):
    """Runs the binary; answers the finished process, output as text."""
    return subprocess.run([str(INGOT), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=timeout, cwd=cwd)


def run(*command, cwd=None, timeout=TIMEOUT_S):
    return subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=timeout, cwd=cwd)


def model(name):
    """Path of a full model of the manifests, by its stem; made or fetched if need be. Skips or fails if it can't be."""
    entry = cases.entries([name])[0]
    path = MODELS / entry["path"]
    if not path.exists():
        with contextlib.redirect_stderr(sys.stdout):
            cases.make_sources([entry], MODELS)
    if not path.exists():
        text = "model %s is not there and could not be made or fetched" % name
        raise AssertionError(text) if EVERYTHING else unittest.SkipTest(text)
    return path


def reference(path, feeds):
    """ONNX Runtime's outputs."""
    options = cases.session_options()
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(None, feeds)


def session_inputs(path):
    """(name, shape, numpy type) of each input that a caller gives; sizes that are free are strings or None."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    types = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}
    return [(i.name, i.shape, types[i.type]) for i in session.get_inputs()]


def difference(got, want, rtol=RTOL, atol_scaled=ATOL_SCALED):
    """None where `got` agrees with `want`, else a sentence."""
    if got.shape != want.shape:
        return "shape %s, expected %s" % (got.shape, want.shape)
    if got.dtype != want.dtype:
        return "type %s, expected %s" % (got.dtype, want.dtype)
    if want.dtype.kind != "f":
        wrong = int((got != want).sum())
        return "%d elements differ" % wrong if wrong else None
    if not np.array_equal(np.isnan(got), np.isnan(want)):
        return "NaN in other places"
    finite = np.abs(want[np.isfinite(want)])
    allowed = atol_scaled * float(finite.max(initial=0)) + rtol * np.abs(want)
    with np.errstate(invalid="ignore"):
        excess = np.where((got == want) | np.isnan(want), 0, np.abs(got - want) - allowed)
    worst = int(excess.argmax()) if excess.size else 0
    if excess.size and excess.flat[worst] > 0:
        return "element %d: %r, expected %r" % (worst, got.flat[worst], want.flat[worst])
    return None


class Case(unittest.TestCase):
    """A test with a folder of its own, self.work."""

    def setUp(self):
        self.work = Path(tempfile.mkdtemp(prefix="ingot-test-"))
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)

    def succeed(self, done):
        """The process `done` must have ended with 0; answers what it printed."""
        self.assertEqual(done.returncode, 0, "%s\n%s%s" % (" ".join(map(str, done.args)), done.stdout, done.stderr))
        return done.stdout

    def compile(self, path, out, *options):
        self.succeed(ingot("compile", path, "-o", out, *options))
        return Path(out)

    def run_model(self, target, feeds, *options):
        """`ingot run` of a model or artifact on arrays by name; answers the outputs."""
        out = Path(tempfile.mkdtemp(dir=self.work))
        arguments = []
        for k, (name, value) in enumerate(feeds.items()):
            file = out / ("in_%d.npy" % k)
            np.save(file, value)
            arguments += ["--input", "%s=@%s" % (name, file)]
        self.succeed(ingot("run", target, *arguments, "-o", out / "out", *options))
        files = sorted((out / "out").glob("*.npy"), key=lambda f: int(f.stem))
        return [np.load(f) for f in files]

    def compare(self, got, want, what=""):
        self.assertEqual(len(got), len(want), what + ": number of outputs")
        for k, (a, b) in enumerate(zip(got, want)):
            self.assertIsNone(difference(a, b), "%s: output %d" % (what, k))


class Result(unittest.TestResult):
    """Prints a line for each case."""

    def __init__(self):
        super().__init__()
        self.passed, self.missed = 0, 0

    def report(self, word, test, text=""):
        print("%s: %s%s" % (word, test.id().partition(".")[2] or test.id(), ": " + text if text else ""), flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self.report("ok", test)

    def addFailure(self, test, error):
        self.missed += 1
        self.report("FAILED", test, self._exc_info_to_string(error, test))

    addError = addFailure

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.report("skipped", test, reason)

    def addSubTest(self, test, subtest, error):
        if error:
            self.missed += 1
            self.report("FAILED", subtest, self._exc_info_to_string(error, test))


def summary(passed, failed, skipped):
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    sys.exit(1 if failed else 0)


def main():
    if not INGOT.exists():
        print("skipped: no binary %s" % INGOT)
        sys.exit(77)
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = Result()
    suite.run(result)
    summary(result.passed, result.missed, len(result.skipped))
