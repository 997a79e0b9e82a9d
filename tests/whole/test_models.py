#!/usr/bin/env python3
"""The models of tests/models against ONNX Runtime's outputs, through `ingot verify`.

Which: a few small ones for a binary with sanitizers; else all but the large; everything at level `all`.
"""
import json
import subprocess
import sys

import common

SMALL = ("lstm2.s128_b1", "light_squeezenet.b1", "silero_vad.b1", "silero_vad_16k_op15.b1", "magika.b1", "oww_alexa.b1",
         "oww_hey_mycroft.b1", "oww_melspectrogram.b1", "ppocrv2_cls.b1")
# Much to make, to compile or to run.
LARGE_MODELS = ("bert_base", "bert_base_qdq", "bert_base_dyn8", "gpt2_decode", "vit_b_16", "light_bvlc_alexnet", "resnet50_qdq")
CASE_TIMEOUT_S = 300
QUANTIZED_ATOL_SCALED = 5e-2    # rounding differences of one step spread through a quantized network...
NOISE_FACTOR = 1.25             # ...or this much of what ONNX Runtime differs by from itself, where that is more


def wanted():
    if common.SANITIZED:
        return [e for e in common.cases.entries() if e["name"] in SMALL]
    return [e for e in common.cases.entries() if common.EVERYTHING or e["model"] not in LARGE_MODELS]


def verify(entries, folder, options):
    """(passed, failed) over the cases in `folder`."""
    if not entries:
        return 0, 0
    command = [common.INGOT, "verify", "--json", "--case-timeout", CASE_TIMEOUT_S, *options,
               *(folder / e["name"] for e in entries)]
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          errors="replace", timeout=CASE_TIMEOUT_S * len(entries))
    passed = failed = 0
    seen = set()
    for line in done.stdout.splitlines():
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or "path" not in answer:
            continue
        name = answer["path"].rstrip("/").rpartition("/")[2]
        seen.add(name)
        good = answer["status"] == "pass" and answer.get("outputs")
        passed, failed = passed + bool(good), failed + (not good)
        print("%s: %s: %s" % ("ok" if good else "FAILED", name,
                              "max_rel %s, %s s, %s ops portable" % (answer.get("max_rel"), answer.get("seconds"),
                                                                     answer.get("portable"))
                              if good else "%s: %s" % (answer["status"], answer.get("message"))))
    for name in sorted({e["name"] for e in entries} - seen):
        print("FAILED: %s: verify gave no line (exit code %s)" % (name, done.returncode))
        failed += 1
    return passed, failed


def main():
    if not common.INGOT.exists():
        print("skipped: no binary %s" % common.INGOT)
        sys.exit(77)
    folder, entries = common.MODELS / "cases", wanted()
    folder.mkdir(parents=True, exist_ok=True)
    todo = [e for e in entries if not (folder / e["name"]).exists()]
    common.cases.make_sources(todo, common.MODELS)
    passed = failed = skipped = 0
    ready = []
    for entry in entries:
        try:
            if not (folder / entry["name"]).exists():
                if not (common.MODELS / entry["path"]).exists():
                    raise FileNotFoundError("%s could not be made or fetched" % entry["path"])
                common.cases.make_case(entry, common.MODELS, folder)
            ready.append(entry)
        except Exception as error:
            print("%s: %s: %s" % ("FAILED" if common.EVERYTHING else "skipped", entry["name"], error))
            failed, skipped = failed + common.EVERYTHING, skipped + (not common.EVERYTHING)
    accurate = ["--rtol", common.RTOL, "--atol-scaled=%g" % common.ATOL_SCALED]
    groups = [([e for e in ready if not e["quantized"]], accurate)]
    for entry in ready:
        if entry["quantized"]:
            allowed = max(QUANTIZED_ATOL_SCALED, NOISE_FACTOR * float((folder / entry["name"] / "noise").read_text()))
            groups.append(([entry], ["--rtol", 0, "--atol-scaled=%g" % allowed]))
    for group, options in groups:
        a, b = verify(group, folder, options)
        passed, failed = passed + a, failed + b
    common.summary(passed, failed, skipped)


if __name__ == "__main__":
    main()
