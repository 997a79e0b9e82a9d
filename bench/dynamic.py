#!/usr/bin/env python3
"""Compiled once for any size against compiled for one: the time over, and the steps that cost it.

    dynamic.py [--match REGEX] [--steps 3] [--json FILE] [--] [OPTION of peers.py run, e.g. --rounds 3 --threads 1,2]

Every entry of the manifests whose model leaves sizes of its inputs open is compiled twice, with its sizes fixed and as
it is; both artifacts run on the same inputs, in turns (bench/peers/peers.py). Then both are profiled; the steps named
are those whose label takes the most time more. The aim, marked ! where missed: at most 1.15 times the time.
"""
import argparse
import csv
import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

import onnx

import suite

AIM = 1.15


def has_open_sizes(entry):
    graph = onnx.load(entry["path"], load_external_data=False).graph
    return any(not d.HasField("dim_value") for v in graph.input if v.name in entry["inputs"]
               for d in v.type.tensor_type.shape.dim)


def step_times(artifact, folder, ingot):
    """Microseconds by label."""
    names = (folder / "names.txt").read_text().splitlines()
    inputs = ["--input=%s=@%s/%d.npy" % (name, folder, i) for i, name in enumerate(names)]
    done = subprocess.run([ingot, "bench", str(artifact), "--profile", "--json", "--threads", "1", "--time", "0.5",
                           *inputs], capture_output=True, text=True, check=True)
    times = {}
    for step in json.loads(done.stdout)["steps"]:
        label = step["label"] or "without a label"
        times[label] = times.get(label, 0) + step["ns"] / 1e3
    return times


def losses(folder, options):
    """The steps that take the most time more: (label, static us, dynamic us)."""
    fixed, free = (step_times(folder / (name + ".artifact"), folder, options.ingot)
                   for name in ("ingot", "ingot-dynamic"))
    rows = [(label, fixed.get(label, 0.0), free.get(label, 0.0)) for label in {**fixed, **free}]
    return sorted(rows, key=lambda row: (row[1] - row[2], row[0]))[:options.steps]


def measure(entries, options, work):
    """Rows of peers.py: {(name, threads): {peer: milliseconds}}; failures are printed."""
    manifest, results = work / "manifest.json", work / "results.csv"
    manifest.write_text(json.dumps(entries))
    subprocess.run([sys.executable, str(Path(__file__).with_name("peers") / "peers.py"), "run", "--models",
                    str(manifest), "--peers", "ingot,ingot-dynamic", "--no-pin", "--work", str(work), "--out",
                    str(results), *options.rest], check=True)
    times = {}
    for row in csv.DictReader(line for line in results.open() if not line.startswith("# ")):
        if row["status"] == "ok":
            times.setdefault((row["model"], row["threads"]), {})[row["peer"]] = float(row["median_ms"])
        else:
            print("%s, %s: %s" % (row["model"], row["peer"], row["error"]))
    return {key: both for key, both in times.items() if len(both) == 2}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    suite.add_options(parser)
    parser.add_argument("--steps", type=int, default=3, help="steps to name for each model, default 3")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("rest", nargs="*")
    options = parser.parse_args()
    work = suite.BUILD / "dynamic"
    work.mkdir(parents=True, exist_ok=True)
    entries = [e for e in suite.entries(options) if has_open_sizes(e)]
    results = []
    for (name, threads), both in measure(entries, options, work).items():
        fixed, free = both["ingot"], both["ingot-dynamic"]
        worst = losses(work / re.sub(r"\W", "_", name), options)
        results.append({"model": name, "threads": int(threads), "static_ms": fixed, "dynamic_ms": free,
                        "ratio": round(free / fixed, 3), "steps": worst})
        print("%-24s %s thread%s  static %9.4g ms  dynamic %9.4g ms  %.2f%s" % (
            name, threads, " " if threads == "1" else "s", fixed, free, free / fixed, "!" * (free > AIM * fixed)))
        for label, fixed_us, free_us in worst:
            print("    %10.1f us -> %10.1f us  %s" % (fixed_us, free_us, label))
    if results:
        ratios = [r["ratio"] for r in results]
        print("geomean %.3f, worst %.2f (%s)" % (statistics.geometric_mean(ratios), max(ratios),
                                                 max(results, key=lambda r: r["ratio"])["model"]))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
