"""Writes costmodel/seeds.txt: the kernels of the test models, each once, at the sizes of their test data.

usage: make_seeds.py INGOT CASES_FOLDER > costmodel/seeds.txt      (CASES_FOLDER: what `./dev models` wrote)
"""
import pathlib
import re
import subprocess
import sys

import onnx


def shapes(case):
    """--shape options that pin a model's inputs to its first data set."""
    model = onnx.load(case / "model.onnx", load_external_data=False)
    initialized = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in initialized]
    for index, name in enumerate(inputs):
        tensor = onnx.TensorProto.FromString((case / "test_data_set_0" / f"input_{index}.pb").read_bytes())
        if tensor.dims:
            yield f"--shape={name}={'x'.join(map(str, tensor.dims))}"


def main():
    ingot, cases = sys.argv[1], pathlib.Path(sys.argv[2])
    seen = set()
    for case in sorted(path.parent for path in cases.glob("*/model.onnx")):
        command = [ingot, "explain", "--specs", "--cpu=x86-64-v3", case / "model.onnx", *shapes(case)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{case.name}: {done.stderr.strip()}", file=sys.stderr)
            continue
        # Decisions are drawn anew; Winograd kernels need some to be read.
        lines = [line for line in done.stdout.splitlines() if not line.startswith("#") and "?" not in line]
        lines = [line if line.startswith("winograd") else re.sub(r" \| [^|]* \| ", " | | ", line) for line in lines]
        new = [line for line in lines if line not in seen]
        seen.update(new)
        if new:
            print(f"# {case.name}", *new, sep="\n")


main()
