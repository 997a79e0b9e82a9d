#!/usr/bin/env python3
"""Write the models of the manifests as ONNX test directories, with ONNX Runtime's outputs.

    cases.py OUT [--sources DIR] [--only NAME ...]
    cases.py --manifest FILE --sources DIR [--match REGEX]     only make the models, and a manifest that names them
    cases.py --list

Each entry of manifest.json and manifest-int8.json becomes

    OUT/NAME/model.onnx                            hard link to the full model (a copy on another file system)
    OUT/NAME/test_data_set_0/input_K.pb            inputs, in the order of the graph's
    OUT/NAME/test_data_set_0/output_K.pb           what ONNX Runtime answers

Inputs follow the manifest's generators, seeded by the names of the entry and of the input, so they are the same every
time. The model is not changed: sizes that are dynamic in it stay dynamic. A case that is there already is kept.
NAME is an entry (resnet50.b1) or a model, for all its entries (resnet50).

The full models are made in --sources (default OUT/.sources) by fill.py, fetch.py and quantize.py as needed; what is
there is used. Exit code 1 if a case could not be made, for instance a wheel that could not be fetched.
Needs onnx, onnxruntime, numpy.
"""
import argparse
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "bench" / "peers"))
from models import make_input  # noqa: E402  (the benchmark's generators: one definition of the inputs)


def entries(only=()):
    """Manifest entries, all or those named, in the manifests' order; each gets "model" and "quantized"."""
    found = []
    for file in ("manifest.json", "manifest-int8.json"):
        for entry in json.loads((HERE / file).read_text()):
            entry["model"] = Path(entry["path"]).stem
            entry["quantized"] = file == "manifest-int8.json"
            found.append(entry)
    known = {e["name"] for e in found} | {e["model"] for e in found}
    for name in only:
        if name not in known:
            raise SystemExit("cases.py: no such model: %s (known: %s)" % (name, ", ".join(sorted(known))))
    return [e for e in found if not only or e["name"] in only or e["model"] in only]


def script(name, *arguments):
    return subprocess.run([sys.executable, str(HERE / name), *map(str, arguments)], stdout=sys.stderr).returncode == 0


def make_sources(wanted, sources):
    """Makes the missing models of `wanted` entries in folder `sources`. Failures show as files still missing.

    One process at a time: test programs that run side by side ask for the same models.
    """
    sources.mkdir(parents=True, exist_ok=True)
    with open(sources / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make_missing(wanted, sources)


def make_missing(wanted, sources):
    missing = {e["path"] for e in wanted if not (sources / e["path"]).exists()}
    names = lambda kind: sorted(Path(p).stem for p in missing if p.startswith(kind + "/"))
    int8 = names("int8")
    if int8:
        import onnxruntime.quantization  # noqa: F401  (says what is missing before hundreds of MB are made)
        recipes = {"resnet50_qdq": "resnet50", "mobilenet_v2_qdq": "mobilenet_v2"}
        missing |= {p for p in ("synth/%s.onnx" % recipes.get(n, "bert_base") for n in int8)
                    if not (sources / p).exists()}
    if names("synth"):
        script("fill.py", "--all", sources, "--only", *names("synth"))
    if names("wheels"):
        script("fetch.py", sources, "--only", *names("wheels"))
    if int8:
        script("quantize.py", sources, "--only", *int8)


def save(value, name, path):
    """A TensorProto or SequenceProto file."""
    from onnx import numpy_helper
    if isinstance(value, list):
        proto = numpy_helper.from_list(value, name)
    else:
        proto = numpy_helper.from_array(np.asarray(value), name)
    path.write_bytes(proto.SerializeToString(deterministic=True))


def session_options(optimized=True):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.x64quantprecision", "1")     # no 16-bit saturation on CPUs without VNNI
    if not optimized:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def noise(path, feeds, wanted):
    """How far apart ONNX Runtime's own results with and without optimization are, over the largest value."""
    import onnxruntime as ort
    session = ort.InferenceSession(str(path), session_options(optimized=False), providers=["CPUExecutionProvider"])
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(session.run(None, feeds), wanted))


def make_case(entry, sources, out):
    """Runs one entry through ONNX Runtime and writes its test directory, whole or not at all.

    A quantized model also gets the file `noise`: a network that rounds to 8 bits between its layers turns a last bit that
    differs into a step of the grid, and that into more, so this is what two right answers may differ by.
    """
    import onnxruntime as ort
    source, target, part = sources / entry["path"], out / entry["name"], out / (entry["name"] + ".part")
    shutil.rmtree(part, ignore_errors=True)
    data = part / "test_data_set_0"
    data.mkdir(parents=True)
    session = ort.InferenceSession(str(source), session_options(), providers=["CPUExecutionProvider"])
    feeds = {}
    for k, value in enumerate(session.get_inputs()):
        seed = zlib.crc32(("%s/%s" % (entry["name"], value.name)).encode())
        feeds[value.name] = make_input(seed, entry["inputs"][value.name])
        save(feeds[value.name], value.name, data / ("input_%d.pb" % k))
    names = [o.name for o in session.get_outputs()]
    results = session.run(names, feeds)
    for k, (name, value) in enumerate(zip(names, results)):
        save(value, name, data / ("output_%d.pb" % k))
    if entry["quantized"]:
        (part / "noise").write_text("%g\n" % noise(source, feeds, results))
    try:
        os.link(source, part / "model.onnx")
    except OSError:
        shutil.copyfile(source, part / "model.onnx")
    part.rename(target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--sources", type=Path)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--match", default="", metavar="REGEX", help="only entries whose name it is found in")
    parser.add_argument("--manifest", type=Path, metavar="FILE")
    parser.add_argument("--list", action="store_true", help="print the entries' names and end")
    options = parser.parse_args()
    wanted = [e for e in entries(options.only) if re.search(options.match, e["name"])]
    if options.list:
        print("\n".join(e["name"] for e in wanted))
        return 0
    if not (options.out or (options.manifest and options.sources)):
        parser.error("name OUT, or --manifest and --sources")
    sources = (options.sources or options.out / ".sources").resolve()
    if options.manifest:
        make_sources(wanted, sources)
        absent = [e["path"] for e in wanted if not (sources / e["path"]).exists()]
        options.manifest.write_text(json.dumps([dict(e, path=str(sources / e["path"])) for e in wanted], indent=1))
        return 1 if absent else 0
    options.out.mkdir(parents=True, exist_ok=True)
    todo = [e for e in wanted if not (options.out / e["name"]).exists()]
    make_sources(todo, sources)
    failed = 0
    for number, entry in enumerate(todo, 1):
        try:
            if not (sources / entry["path"]).exists():
                raise FileNotFoundError("%s is not there and could not be made" % entry["path"])
            make_case(entry, sources, options.out)
            print("[%d/%d] %s" % (number, len(todo), entry["name"]), file=sys.stderr, flush=True)
        except Exception as error:  # one bad model must not stop the others
            print("[%d/%d] %s: FAILED: %s" % (number, len(todo), entry["name"], error), file=sys.stderr, flush=True)
            failed += 1
    print("%s: %d cases%s" % (options.out, len(wanted) - failed, ", %d failed" % failed if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
