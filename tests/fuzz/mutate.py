#!/usr/bin/env python3
"""Feeds damaged models to `ingot compile`: each must end in an artifact or in a diagnostic, in time and in memory.

    mutate.py --ingot build/dev/ingot [--seconds 60] [--seed N] [--work DIR] [SEED_MODEL...]

Seeds are the digits model, the stripped graphs of tests/models under 200 KB, and the files named. A mutant flips
bits, cuts, repeats or splices pieces, or sets bytes to values that matter to a varint reader. A run fails when the
process dies by a signal, reports a sanitizer error, exits with a code that the command line does not define, takes
over 20 s, or exits with a failure and says nothing. Such files are kept in DIR with the output beside them. The same
seed makes the same mutants. Last line: `N passed, N failed, 0 skipped`.
"""
import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXIT_CODES = {0, 2, 3, 4, 5, 6}     # 70, an internal error, is a finding
TIMEOUT_S, MEMORY_BYTES = 20, 4 << 30
VALUES = (0, 1, 0x7F, 0x80, 0xFF, 0x08, 0x0A, 0x12, 0x1A)


def mutate(rng, data, others):
    """A few random edits of `data`."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        kind, at = rng.randrange(7), rng.randrange(len(out) or 1)
        size = min(len(out) - at, rng.choice((1, 2, 8, 100, 5000)))
        if kind == 0 and out:
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and out:
            out[at] = rng.choice(VALUES)
        elif kind == 2:
            del out[at:at + size]
        elif kind == 3:
            out[at:at] = out[at:at + size] * rng.choice((1, 3))
        elif kind == 4:
            other = rng.choice(others)
            start = rng.randrange(len(other))
            out[at:at + size] = other[start:start + size]
        elif kind == 5:
            out[at:at] = b"\xff" * rng.choice((1, 5, 9)) + b"\x7f"
        else:
            del out[at:]
    return bytes(out)


def attempt(ingot, sanitized, model, out):
    """None, or what was wrong with one compile."""
    def limit():    # the sanitizer's shadow alone is terabytes of address space: it has a limit of its own
        if not sanitized:
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    env = dict(os.environ, ASAN_OPTIONS="hard_rss_limit_mb=%d" % (MEMORY_BYTES >> 20))
    try:
        done = subprocess.run([ingot, "compile", model, "-o", out], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=TIMEOUT_S, preexec_fn=limit)
    except subprocess.TimeoutExpired as late:
        return "over %d s" % TIMEOUT_S, late.stdout or b""
    finally:
        shutil.rmtree(out, ignore_errors=True)
    if done.returncode not in EXIT_CODES:
        return "exit code %d" % done.returncode, done.stdout
    if b"Sanitizer" in done.stdout or b"runtime error: " in done.stdout:
        return "sanitizer report", done.stdout
    if done.returncode and not done.stdout.strip():
        return "failed without a message", done.stdout
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ingot", required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "fuzz")
    parser.add_argument("seeds", nargs="*", type=Path)
    options = parser.parse_args()
    files = [ROOT / "examples" / "digits" / "digits.onnx", *options.seeds]
    files += [f for f in sorted((ROOT / "tests" / "models").glob("*.onnx")) if f.stat().st_size < 200_000]
    seeds = [f.read_bytes() for f in files]
    options.work.mkdir(parents=True, exist_ok=True)
    rng, end = random.Random(options.seed), time.monotonic() + options.seconds
    tried = failed = 0
    sanitized = b"__asan_init" in Path(options.ingot).read_bytes()
    while time.monotonic() < end:
        data = mutate(rng, seeds[0] if rng.random() < 0.5 else rng.choice(seeds), seeds)
        model = options.work / "mutant.onnx"
        model.write_bytes(data)
        tried += 1
        finding = attempt(options.ingot, sanitized, model, options.work / "out")
        if finding:
            failed += 1
            kept = options.work / ("finding-%d-%d.onnx" % (options.seed, tried))
            model.rename(kept)
            kept.with_suffix(".txt").write_bytes(finding[1])
            print("FAILED: %s: %s" % (kept, finding[0]), flush=True)
    print("%d passed, %d failed, 0 skipped" % (tried - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
