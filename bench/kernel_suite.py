#!/usr/bin/env python3
"""Write kernels.txt: the KernelSpecs that the time of the manifests' models goes to, for `ingot bench --kernel-suite`.

    kernel_suite.py [--ingot BINARY] [--sources DIR] [--out FILE] [--match REGEX] [--check]

Every entry of tests/models/manifest.json and manifest-int8.json is compiled (without code) for its input shapes and for
x86-64-v3, so the list is the same on every machine; `ingot bench --kernel-suite FILE --cpu native` makes the kernels
for the machine at hand. A spec is in the list if some entry spends more than 0.5 % of its predicted time in it; the
line above it says which entries and how much. Specs with sizes that only a run decides are left out.

--check writes nothing and ends with exit code 1 if the file would change. Needs the full models (INGOT_MODELS, default
build/models); those missing are made.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

import suite

TARGET = "x86-64-v3"
LEAST_SHARE = 0.005
HEADER = """\
# The kernels that the models of tests/models/ spend their time in, for x86-64-v3; written by bench/kernel_suite.py.
#     ingot bench --kernel-suite bench/kernels.txt --cpu native --threads 1
# Above each spec: the entries of which it takes more than {least:g} % of the predicted time, largest share first.
"""


def kernels_of(entry, ingot):
    """(spec line, predicted ns in one run) of each kernel of a manifest entry."""
    done = subprocess.run([ingot, "explain", "--json", "--cpu", TARGET, entry["path"], *suite.shape_options(entry)],
                          capture_output=True, text=True)
    if done.returncode:
        raise SystemExit("%s: %s" % (entry["name"], done.stderr.strip()))
    return [(k["spec"], k["predicted_ns"] * k["steps"]) for k in json.loads(done.stdout)["kernels"]]


def collect(manifest, ingot):
    """Shares by spec line: {line: {entry name: share}}."""
    shares = {}
    for entry in manifest:
        print(entry["name"], file=sys.stderr, flush=True)
        kernels = kernels_of(entry, ingot)
        total = sum(ns for _, ns in kernels)
        for line, ns in kernels:
            if ns > LEAST_SHARE * total and "?" not in line:
                shares.setdefault(line, {})[entry["name"]] = ns / total
    return shares


def text_of(shares):
    """The file: by family, then the largest share first."""
    parts = [HEADER.format(least=100 * LEAST_SHARE)]
    order = sorted(shares, key=lambda line: (line.split(" ")[0], -max(shares[line].values()), line))
    for line in order:
        users = sorted(shares[line].items(), key=lambda item: (-item[1], item[0]))
        parts.append("# " + ", ".join("%s %.1f %%" % (name, 100 * share) for name, share in users) + "\n")
        parts.append(line + "\n")
    return "".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    suite.add_options(parser)
    parser.add_argument("--out", type=Path, default=suite.ROOT / "bench" / "kernels.txt")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    text = text_of(collect(suite.entries(options), options.ingot))
    if options.check:
        return int(not options.out.exists() or options.out.read_text() != text)
    options.out.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
