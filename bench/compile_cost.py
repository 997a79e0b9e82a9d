#!/usr/bin/env python3
"""What a compile costs: seconds with an empty and with a filled --cache, peak memory, and the size of the code.

    compile_cost.py [--ingot BINARY] [--sources DIR] [--match REGEX] [--json FILE] [--timing] [--dynamic]

The first entry of each model of the manifests is compiled for its input shapes and this machine (--dynamic: with the
sizes left open). Peak memory is the largest process's, as /usr/bin/time -v shows it. The aims, marked ! where missed:
10 s with an empty cache, 2 s with a filled one, twice the weights and 300 MB. "of CPUs" is the time that all CPUs
spent, which other work on the machine changes little. --timing shows the stages of both.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import suite

COLD_S, WARM_S, ROOM_MB = 10, 2, 300


def timed(command):
    """Seconds, those of all CPUs, peak MB and stderr of a command that must succeed."""
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begin
        log.seek(0)
        text = log.read()
    if process.returncode:
        raise SystemExit("%s: %s" % (" ".join(command), text.strip()))
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text


def code_bytes(folder):
    """Bytes of instructions and read-only data in the artifact's shared object."""
    done = subprocess.run(["size", *map(str, folder.glob("*.so"))], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[1].split()[0])


def cost(entry, options, work):
    shutil.rmtree(work, ignore_errors=True)
    shapes = [] if options.dynamic else suite.shape_options(entry)
    command = [options.ingot, "compile", entry["path"], "-o", str(work / "out"), "-q", "--emit=so", "--timing",
               "--cache", str(work / "cache"), *shapes]
    cold_s, cold_cpu, cold_mb, text = timed(command)
    warm_s, warm_cpu, warm_mb, warm_text = timed(command)
    weights = sum(f.stat().st_size for f in (work / "out").glob("*.weights"))
    return {"model": entry["model"], "cold_s": round(cold_s, 2), "cold_cpu_s": round(cold_cpu, 2),
            "warm_s": round(warm_s, 2), "warm_cpu_s": round(warm_cpu, 2), "peak_mb": round(max(cold_mb, warm_mb)),
            "weights_mb": round(weights / 2 ** 20), "code_kb": round(code_bytes(work / "out") / 1024),
            "timing": text, "warm_timing": warm_text}


def mark(value, limit, form="%.2f"):
    return form % value + ("!" if value > limit else " ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    suite.add_options(parser)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--timing", action="store_true")
    parser.add_argument("--dynamic", action="store_true")
    options = parser.parse_args()
    print("%-20s %8s %8s %8s %8s %9s %10s %8s" % ("model", "cold s", "of CPUs", "warm s", "of CPUs", "peak MB",
                                                  "weights MB", "code KB"))
    results = []
    seen = set()
    for entry in suite.entries(options):
        if entry["model"] in seen:
            continue
        seen.add(entry["model"])
        row = cost(entry, options, suite.BUILD / "compile_cost")
        results.append(row)
        print("%-20s %8s %8.2f %8s %8.2f %9s %10d %8d" % (
            row["model"], mark(row["cold_s"], COLD_S), row["cold_cpu_s"], mark(row["warm_s"], WARM_S),
            row["warm_cpu_s"], mark(row["peak_mb"], 2 * row["weights_mb"] + ROOM_MB, "%d"), row["weights_mb"],
            row["code_kb"]), flush=True)
        if options.timing:
            print(row["timing"], row["warm_timing"], sep="  with a filled cache\n")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
