"""Writes costmodel/seeds.txt: the kernels of the test models, each once, at the sizes of their test data, and those of
operators that these models have few of: recurrent cells, gathers, pooling, attention.

usage: make_seeds.py INGOT CASES_FOLDER > costmodel/seeds.txt      (CASES_FOLDER: what `./dev models` wrote)
"""
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RANDOM = np.random.default_rng(0)


def shapes(case):
    """--shape options that pin a model's inputs to its first data set."""
    model = onnx.load(case / "model.onnx", load_external_data=False)
    initialized = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in initialized]
    for index, name in enumerate(inputs):
        tensor = onnx.TensorProto.FromString((case / "test_data_set_0" / f"input_{index}.pb").read_bytes())
        if tensor.dims:
            yield f"--shape={name}={'x'.join(map(str, tensor.dims))}"


def explain(seen, name, ingot, path, *options, wanted=""):
    """Prints the specs of a model that are new; decisions are drawn anew, but Winograd kernels need some to be read."""
    command = [ingot, "explain", "--specs", "--cpu=x86-64-v3", path, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name}: {done.stderr.strip()}", file=sys.stderr)
        return
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#") and "?" not in line]
    lines = [line if line.startswith("winograd") else re.sub(r" \| [^|]* \| ", " | | ", line) for line in lines]
    new = [line for line in lines if line not in seen and re.match(wanted, line)]
    seen.update(new)
    if new:
        print(f"# {name}", *new, sep="\n")


# ---- Operators ----

def info(name, *shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def weights(name, *shape):
    return numpy_helper.from_array(RANDOM.standard_normal(shape).astype(np.float32) * np.float32(0.1), name)


def recurrent():
    for kind, gates in (("LSTM", 4), ("GRU", 3)):
        for t, n, i, h, d in ((16, 1, 64, 64, 1), (64, 1, 128, 128, 1), (100, 1, 256, 256, 2), (32, 4, 128, 128, 1),
                              (20, 8, 64, 64, 2), (50, 16, 128, 256, 1), (1, 1, 512, 512, 1), (200, 1, 40, 96, 2),
                              (10, 2, 256, 384, 1)):
            node = helper.make_node(kind, ["x", "w", "r", "b"], ["y", "yh"], hidden_size=h,
                                    direction="bidirectional" if d == 2 else "forward")
            yield [node], [info("x", t, n, i)], ["y", "yh"], [weights("w", d, gates * h, i),
                                                              weights("r", d, gates * h, h),
                                                              weights("b", d, 2 * gates * h)]


def gathers():
    for rows, width, count in ((30000, 64, 16), (5000, 300, 40), (1000, 512, 256), (32000, 1024, 12), (256, 16, 600),
                               (100, 1, 2000)):
        yield ([helper.make_node("Gather", ["t", "i"], ["y"])], [info("i", count, dtype=TensorProto.INT64)], ["y"],
               [weights("t", rows, width)])
    for outer, rows, width, count in ((8, 64, 32, 16), (16, 128, 1, 40), (1, 500, 60, 200), (32, 32, 64, 8)):
        yield ([helper.make_node("Gather", ["x", "i"], ["y"], axis=1)],
               [info("x", outer, rows, width), info("i", count, dtype=TensorProto.INT64)], ["y"], [])


def pooling():
    for kind in ("MaxPool", "AveragePool"):
        for c, side, k, s, p in ((32, 40, 2, 2, 0), (64, 28, 3, 2, 1), (48, 20, 5, 1, 2), (96, 14, 2, 1, 0),
                                 (16, 64, 3, 1, 1), (128, 16, 4, 4, 0), (256, 8, 3, 1, 1)):
            nodes = [helper.make_node("Conv", ["x", "w"], ["c"]),
                     helper.make_node(kind, ["c"], ["p"], kernel_shape=[k, k], strides=[s, s], pads=[p] * 4),
                     helper.make_node("Conv", ["p", "v"], ["y"])]
            yield nodes, [info("x", 1, c, side, side)], ["y"], [weights("w", c, c, 1, 1), weights("v", 16, c, 1, 1)]
        for c, h, w, kh, kw, s in ((3, 64, 64, 2, 2, 2), (1, 32, 400, 3, 3, 1), (20, 30, 30, 3, 3, 2),
                                   (8, 1, 1000, 1, 4, 4), (64, 50, 50, 2, 2, 2)):
            strides = [1 if kh == 1 else s, s]
            yield ([helper.make_node(kind, ["x"], ["y"], kernel_shape=[kh, kw], strides=strides)],
                   [info("x", 1, c, h, w)], ["y"], [])


def attention():
    for b, heads, kv, m, n, d, causal in ((1, 8, 8, 64, 64, 64, 1), (1, 16, 4, 1, 300, 64, 0), (2, 4, 4, 50, 50, 32, 0),
                                          (1, 12, 12, 197, 197, 64, 0), (1, 32, 8, 128, 128, 128, 1),
                                          (1, 8, 2, 16, 200, 64, 1), (4, 6, 6, 49, 49, 32, 0),
                                          (1, 16, 16, 1, 1000, 64, 0), (1, 5, 5, 100, 100, 64, 0),
                                          (1, 16, 16, 256, 256, 80, 0)):
        yield ([helper.make_node("Attention", ["q", "k", "v"], ["y"], is_causal=causal)],
               [info("q", b, heads, m, d), info("k", b, kv, n, d), info("v", b, kv, n, d)], ["y"], [])


def explain_operators(seen, ingot, folder):
    kinds = {"recurrent": "lstm|gru", "gathers": "gather", "pooling": "window", "attention": "attention"}
    for make in (recurrent, gathers, pooling, attention):
        for nodes, inputs, outputs, initializers in make():
            results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
            graph = helper.make_graph(nodes, make.__name__, inputs, results, initializers)
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
            onnx.save(model, folder / "operator.onnx")
            explain(seen, "operators_" + make.__name__, ingot, folder / "operator.onnx", wanted=kinds[make.__name__])


def main():
    ingot, cases = sys.argv[1], pathlib.Path(sys.argv[2])
    seen = set()
    for case in sorted(path.parent for path in cases.glob("*/model.onnx")):
        explain(seen, case.name, ingot, case / "model.onnx", *shapes(case))
    with tempfile.TemporaryDirectory() as folder:
        explain_operators(seen, ingot, pathlib.Path(folder))


main()
