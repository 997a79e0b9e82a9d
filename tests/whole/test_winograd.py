#!/usr/bin/env python3
"""Winograd convolutions in whole models: chosen where they are faster, forbidden by --exact-conv, the same bits on any
number of threads, and close to the convolution in double."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import common

ERROR = 3e-6        # RMS over that of the results
DIRECT = 3.2e-7     # the same of direct kernels: twice what ONNX Runtime has for 16 channels; it has more for more


def convolve(x, w, pads):
    high, wide = w.shape[2:]
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    rows, columns = x.shape[2] - high + 1, x.shape[3] - wide + 1
    y = np.zeros((x.shape[0], w.shape[0], rows, columns))
    for i in range(high):
        for j in range(wide):
            y += np.einsum("nchw,oc->nohw", x[:, :, i:i + rows, j:j + columns], w[:, :, i, j].astype(np.float64))
    return y


def save(path, x, w, pads, y, open_sizes=False):
    """relu(conv(relu(x))): the first Relu gives the convolution blocks of channels with a border. `open_sizes`: the
    number of images and their sizes are left to the run."""
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Conv", ["a", "w"], ["b"], pads=pads),
             helper.make_node("Relu", ["b"], ["y"])]
    shapes = [["n", a.shape[1], "h" + side, "w" + side] if open_sizes else a.shape for a, side in ((x, ""), (y, "y"))]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shapes[0])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, shapes[1])],
                              [numpy_helper.from_array(w, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


class Winograd(common.Case):
    def check(self, images, channels, size, outs, kernel, pads):
        rng = np.random.default_rng(5)
        x = rng.standard_normal((images, channels) + size).astype(np.float32)
        w = (rng.standard_normal((outs, channels) + kernel) / np.sqrt(channels)).astype(np.float32)
        want = np.maximum(convolve(np.maximum(x, 0), w, pads), 0)
        path = self.work / "conv.onnx"
        save(path, x, w, pads, want)
        self.assertIn("Winograd", self.succeed(common.ingot("explain", path)))
        self.assertNotIn("inograd", self.succeed(common.ingot("explain", path, "--exact-conv")))
        got = self.run_model(path, {"x": x}, "--threads", "1")
        other = self.run_model(path, {"x": x}, "--threads", "3")
        self.assertTrue(np.array_equal(got[0], other[0]), "other bits on three threads")
        for one, limit in ((got, ERROR), (self.run_model(path, {"x": x}, "--exact-conv"), DIRECT)):
            error = np.sqrt(np.mean((one[0] - want) ** 2)) / np.sqrt(np.mean(want ** 2))
            self.assertLess(error, limit)

    def test_open_sizes(self):
        """One compile for all sizes, down to one pixel and up to more than there are units for."""
        rng = np.random.default_rng(7)
        w = (rng.standard_normal((48, 64, 3, 3)) / 8).astype(np.float32)
        path = self.work / "open.onnx"
        pads = [1, 1, 1, 1]
        save(path, np.zeros((1, 64, 8, 8)), w, pads, np.zeros((1, 48, 8, 8)), open_sizes=True)
        self.assertIn("Winograd", self.succeed(common.ingot("explain", path)))
        out = self.compile(path, self.work / "artifact", "--emit=so")
        for n, h, wide in ((1, 1, 1), (3, 7, 5), (1, 56, 57), (2, 150, 130), (9, 13, 2)):
            x = rng.standard_normal((n, 64, h, wide)).astype(np.float32)
            want = np.maximum(convolve(np.maximum(x, 0), w, pads), 0)
            got = self.run_model(out / "open.so", {"x": x}, "--threads", "1")
            other = self.run_model(out / "open.so", {"x": x}, "--threads", "3")
            self.assertTrue(np.array_equal(got[0], other[0]), "other bits on three threads")
            self.assertLess(np.sqrt(np.mean((got[0] - want) ** 2)) / np.sqrt(np.mean(want ** 2)), ERROR)

    def test_3x3(self):
        self.check(1, 64, (56, 56), 64, (3, 3), [1, 1, 1, 1])

    def test_odd_sizes_and_channels(self):
        self.check(2, 40, (13, 27), 72, (3, 3), [1, 1, 1, 1])

    def test_without_padding(self):
        self.check(1, 32, (30, 19), 48, (3, 3), [0, 0, 0, 0])

    def test_one_sided_padding(self):
        self.check(1, 32, (17, 17), 32, (3, 3), [2, 0, 0, 2])

    def test_many_channels(self):
        self.check(1, 512, (7, 7), 512, (3, 3), [1, 1, 1, 1])

    def test_direct_1x1(self):
        rng = np.random.default_rng(6)
        x = rng.standard_normal((1, 2048, 7, 7)).astype(np.float32)
        w = (rng.standard_normal((64, 2048, 1, 1)) / np.sqrt(2048)).astype(np.float32)
        want = np.maximum(convolve(np.maximum(x, 0), w, [0, 0, 0, 0]), 0)
        path = self.work / "conv.onnx"
        save(path, x, w, [0, 0, 0, 0], want)
        error = np.sqrt(np.mean((self.run_model(path, {"x": x})[0] - want) ** 2)) / np.sqrt(np.mean(want ** 2))
        self.assertLess(error, DIRECT)

    def test_rows_and_columns(self):
        self.check(1, 72, (31, 9), 72, (3, 1), [0, 0, 0, 0])
        self.check(1, 96, (12, 40), 96, (1, 3), [0, 1, 0, 1])


if __name__ == "__main__":
    common.main()
