#!/usr/bin/env python3
"""Winograd convolutions in whole models: chosen where they are faster, forbidden by --exact-conv, the same bits on any
number of threads, and close to the convolution in double. Those of integers are exact, --exact-conv or not."""

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


def save_quantized(path, x, zero, w, pads, y):
    """conv(dequantize(quantize(relu(x)))) with weights of int8; all scales are 1."""
    tensors = {"one": np.float32(1), "zero": zero, "w": w, "no": np.int8(0)}
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("QuantizeLinear", ["a", "one", "zero"], ["q"]),
             helper.make_node("DequantizeLinear", ["q", "one", "zero"], ["b"]),
             helper.make_node("DequantizeLinear", ["w", "one", "no"], ["v"]),
             helper.make_node("Conv", ["b", "v"], ["y"], pads=pads)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, y.shape)],
                              [numpy_helper.from_array(np.asarray(v), k) for k, v in tensors.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


class Integers(common.Case):
    TARGETS = ("native", "x86-64-v2", "x86-64-v3")

    def check(self, x, zero, w, pads, form="exact Winograd"):
        low, high = np.iinfo(zero.dtype).min - int(zero), np.iinfo(zero.dtype).max - int(zero)
        want = convolve(np.clip(np.rint(np.maximum(x, 0)), low, high), w, pads).astype(np.float32)
        path = self.work / "conv.onnx"
        save_quantized(path, x, zero, w, pads, want)
        for options in ([], ["--exact-conv"]):
            self.assertIn(form, self.succeed(common.ingot("explain", path, *options)))
        for target in self.TARGETS:
            for threads in ("1", "3"):
                got = self.run_model(path, {"x": x}, "--threads", threads, "--cpu", target)
                self.assertTrue(np.array_equal(got[0], want), f"{target}, {threads} threads")

    def test_zero_points(self):
        rng = np.random.default_rng(8)
        for zero in (np.uint8(0), np.uint8(117), np.int8(-128), np.int8(5)):
            w = rng.integers(-128, 128, (72, 40, 3, 3)).astype(np.int8)
            x = (rng.standard_normal((2, 40, 23, 30)) * 130).astype(np.float32)
            self.check(x, zero, w, [1, 1, 1, 1])

    def test_rows_and_columns(self):
        rng = np.random.default_rng(9)
        x = (rng.standard_normal((1, 96, 40, 40)) * 130).astype(np.float32)
        for kernel, pads in (((3, 1), [1, 0, 1, 0]), ((1, 3), [0, 2, 0, 0])):
            w = rng.integers(-128, 128, (96, 96) + kernel).astype(np.int8)
            self.check(x, np.uint8(0), w, pads)

    def test_largest_sums(self):
        """115 channels of the largest numbers fit 26 bits, 116 do not; F(2 x 2) has 30."""
        for channels, weight, form in ((115, 127, "exact Winograd F(4x4"), (114, -128, "exact Winograd F(4x4"),
                                       (116, 127, ""), (115, -128, "")):
            x = np.full((1, channels, 28, 28), 255, np.float32)
            w = np.full((96, channels, 3, 3), weight, np.int8)
            self.check(x, np.uint8(0), w, [1, 1, 1, 1], form)
            self.assertEqual(form != "", "exact Winograd F(4x4" in
                             self.succeed(common.ingot("explain", self.work / "conv.onnx")))


if __name__ == "__main__":
    common.main()
