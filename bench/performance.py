#!/usr/bin/env python3
"""Write docs/performance.md from what the other scripts here measured.

    performance.py RESULTS.csv [--kernels SUITE.jsonl] [--dynamic FILE.json] [--compile FILE.json]
                   [--command TEXT ...] [--out FILE]

RESULTS.csv is of peers.py run, with the peers ort and openvino (either may be missing) and ingot; SUITE.jsonl of
`ingot bench --kernel-suite FILE --json`, the others of dynamic.py and compile_cost.py. Sections without data are left
out. Ratios are the time of the fastest other engine of the same precision over Ingot's: above 1, Ingot is faster.
Results that differ from the reference by more than 1 % of the largest output do not count (quantized models excepted).
"""
import argparse
import csv
import datetime
import json
import math
import re
import statistics
import sys
from pathlib import Path

import suite

DIFFERS = 0.01
SMALL_MS, LARGE_MS, QUICK_MS = 0.1, 5, 20   # models by their time in ONNX Runtime


def geomean(values):
    return statistics.geometric_mean(values) if values else math.nan


def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def number(value, digits=3):
    return "" if value is None or math.isnan(value) else "%.*g" % (digits, value)


def ratio(value):
    return "" if value is None or math.isnan(value) else "%.2f" % value


class Results:
    """The CSV of peers.py: rows by (model, threads, peer)."""

    def __init__(self, path):
        lines = path.read_text().splitlines()
        self.notes = [line[2:] for line in lines if line.startswith("# ")]
        self.rows = list(csv.DictReader(line for line in lines if not line.startswith("# ")))
        self.cells = {(r["model"], r["threads"], r["peer"]): r for r in self.rows}
        self.models = list(dict.fromkeys(r["model"] for r in self.rows))
        self.peers = list(dict.fromkeys(r["peer"] for r in self.rows if r["peer"] != "all"))
        self.threads = sorted({r["threads"] for r in self.rows if r["threads"] != "0"}, key=int)
        self.quantized = {e["name"] for e in json.loads((suite.ROOT / "tests/models/manifest-int8.json").read_text())}

    def get(self, model, threads, peer, field="median_ms"):
        """A number of a row that worked; else None."""
        row = self.cells.get((model, threads, peer))
        return float(row[field]) if row and row["status"] == "ok" and row[field] else None

    def differs(self, model, threads, peer):
        row = self.cells[model, threads, peer]
        return model not in self.quantized and not float(row["max_rel"]) <= DIFFERS

    def others(self, suffix=""):
        """Peers of a precision: "" or "-bf16"."""
        return [p for p in self.peers if not p.startswith("ingot") and p.endswith("-bf16") == (suffix == "-bf16")]

    def fastest(self, model, threads, suffix=""):
        """Milliseconds of the fastest other engine."""
        times = [self.get(model, threads, p) for p in self.others(suffix)
                 if self.get(model, threads, p) and (suffix or not self.differs(model, threads, p))]
        return min(times, default=None)

    def lead(self, model, threads, suffix=""):
        """Time of the fastest other engine over Ingot's; None where one is missing or wrong."""
        own, other = self.get(model, threads, "ingot" + suffix), self.fastest(model, threads, suffix)
        if not own or not other or (not suffix and self.differs(model, threads, "ingot")):
            return None
        return other / own

    def cell(self, model, threads, peer):
        value = self.get(model, threads, peer)
        if value is None:
            return "fails" if (model, threads, peer) in self.cells else ""
        return number(value) + "*" * self.differs(model, threads, peer) + \
            "~" * (self.cells[model, threads, peer]["quiet_turns"] == "0")


def speed(results, models, threads, suffix=""):
    """A table of times and ratios, and the line under it."""
    peers = [*results.others(suffix), "ingot" + suffix]
    models = [m for m in models if any((m, threads, p) in results.cells for p in peers)]
    leads = {m: results.lead(m, threads, suffix) for m in models}
    leads = {m: v for m, v in leads.items() if v}
    rows = [[m, *(results.cell(m, threads, p) for p in peers), ratio(leads.get(m))] for m in models]
    text = markdown(["model, ms", *peers, "fastest other / ingot"], rows)
    if leads:
        worst = min(leads, key=leads.get)
        text += "\nGeometric mean of %d: **%.2f**. Worst: %.2f (%s). Below 0.95: %d.\n" % (
            len(leads), geomean(leads.values()), leads[worst], worst, sum(v < 0.95 for v in leads.values()))
    return text


def int8_section(results):
    models = [m for m in results.models if m in results.quantized]
    if not models:
        return ""
    text, rows = "".join(speed(results, models, t) + "\n" for t in results.threads), []
    for m in models:
        base = re.sub(r"_(qdq|dyn8)\b", "", m)
        for t in results.threads:
            own, wide = results.get(m, t, "ingot"), results.get(base, t, "ingot")
            if own and wide:
                rows.append([m, t, number(wide), number(own), ratio(wide / own)])
    return text + (markdown(["model", "threads", "Ingot f32 ms", "Ingot int8 ms", "ratio"], rows) if rows else "")


def scaling_section(results):
    if not {"1", "2"} <= set(results.threads):
        return ""
    rows = []
    for peer in [*results.others(), "ingot"]:
        gains = [results.get(m, "1", peer) / results.get(m, "2", peer) for m in results.models
                 if (results.get(m, "1", peer) or 0) > LARGE_MS and results.get(m, "2", peer)]
        if gains:
            rows.append([peer, str(len(gains)), ratio(geomean(gains)), ratio(min(gains))])
    return rows and markdown(["engine", "models over %g ms" % LARGE_MS, "one thread / two, geomean", "least"], rows)


def small_section(results):
    rows = []
    for m in results.models:
        ort, own = results.get(m, "1", "ort"), results.get(m, "1", "ingot")
        if ort and own and ort < SMALL_MS:
            rows.append([m, number(ort * 1e3), number(own * 1e3), ratio(own / ort)])
    return rows and markdown(["model", "ort us", "ingot us", "ingot / ort"], rows)


def load_section(results):
    rows, opens, firsts = [], [], []
    for m in results.models:
        ort, own = results.get(m, "1", "ort", "load_s"), results.get(m, "1", "ingot", "load_s")
        if ort is None or own is None:
            continue
        with_first = [load * 1e3 + results.get(m, "1", p, "first_ms") for load, p in ((ort, "ort"), (own, "ingot"))]
        opens.append(ort / max(own, 5e-5))
        if (results.get(m, "1", "ort") or 0) < QUICK_MS:
            firsts.append(with_first[0] / with_first[1])
        rows.append([m, number(ort * 1e3), number(own * 1e3), ratio(opens[-1]), *map(number, with_first),
                     ratio(with_first[0] / with_first[1])])
    if not rows:
        return ""
    return markdown(["model", "ort ready ms", "ingot ready ms", "ratio", "ort, first run done ms",
                     "ingot, first run done ms", "ratio"], rows) + \
        "\nGeometric means: ready %.1f; first run done, models under %g ms, %.1f.\n" % (
            geomean(opens), QUICK_MS, geomean(firsts))


def kernel_section(path):
    found = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    families = next((f["families"] for f in found if "families" in f), [])
    rows = [[f["family"], str(f["kernels"]), "%.0f %%" % (100 * f["median"]), "%.0f %%" % (100 * f["worst"]),
             str(f["below_70"])] for f in families]
    return markdown(["kernels", "specs", "median share of the bound", "worst", "under 70 %"], rows)


def dynamic_section(path):
    found = json.loads(path.read_text())
    rows = [[r["model"], str(r["threads"]), number(r["static_ms"]), number(r["dynamic_ms"]), ratio(r["ratio"]),
             r["steps"][0][0].replace("|", "/") if r["ratio"] > 1.15 and r["steps"] else ""] for r in found]
    return markdown(["model", "threads", "sizes fixed, ms", "sizes open, ms", "ratio", "the step that loses most"],
                    rows) + "\nGeometric mean: %.2f.\n" % geomean([r["ratio"] for r in found])


def compile_section(path):
    rows = [[r["model"], number(r["cold_s"]), number(r["warm_s"]), str(r["peak_mb"]), str(r["weights_mb"]),
             str(r["code_kb"])] for r in json.loads(path.read_text())]
    return markdown(["model", "empty cache, s", "filled cache, s", "peak memory, MB", "weights, MB",
                     "shared object, KB"], rows)


def failure_section(results):
    rows = [[r["model"], r["peer"], r["threads"], r["error"].replace("|", "/")] for r in results.rows
            if r["status"] != "ok"]
    return rows and markdown(["model", "engine", "threads", "error"], rows)


def head(results, commands):
    versions = ["%s %s" % (p, v) for p in results.peers
                if (v := next((r["version"] for r in results.rows if r["peer"] == p and r["version"]), ""))]
    machine = "; ".join(results.notes).removeprefix("cpu: ")
    return "\n".join([
        "# Performance", "",
        "Written by `bench/compare.sh` from measurements; what is measured and how: "
        "[bench/peers](../bench/peers/README.md).", "",
        "- Date: %s" % datetime.date.today().isoformat(), "- Machine: " + machine,
        "- Versions: " + ", ".join(versions), "- Commands:", "", *("      " + c for c in commands), "",
        "Times are medians in milliseconds. Ratios are the time of the fastest other engine of that precision over "
        "Ingot's: above 1, Ingot is", "faster. `*`: differs from the reference by more than 1 % of the largest output "
        "and does not count; `~`: measured on a busy machine.", ""])


def document(results, options):
    plain = [m for m in results.models if m not in results.quantized]
    parts = [("float32, %s thread%s" % (t, "s" * (t != "1")), speed(results, plain, t)) for t in results.threads]
    parts.append(("Two threads over one", scaling_section(results)))
    if "ingot-bf16" in results.peers:
        parts.append(("bfloat16, 1 thread", speed(results, plain, "1", "-bf16")))
    parts += [("int8", int8_section(results)), ("Models under %g us" % (SMALL_MS * 1e3), small_section(results)),
              ("Loading", load_section(results))]
    for title, path, section in (("Sizes open against sizes fixed", options.dynamic, dynamic_section),
                                 ("Kernels against the machine", options.kernels, kernel_section),
                                 ("Compiling", options.compile, compile_section)):
        if path and path.exists():
            parts.append((title, section(path)))
    parts.append(("Failures", failure_section(results)))
    return head(results, options.command) + "".join("\n## %s\n\n%s" % (title, text) for title, text in parts if text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    for name in ("--kernels", "--dynamic", "--compile", "--out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--command", action="append", default=[])
    options = parser.parse_args()
    text = document(Results(options.results), options)
    if options.out:
        options.out.write_text(text)
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
