#!/usr/bin/env python3
"""Quantized graphs against ONNX Runtime's integer kernels: the same integers, not only near ones.

Small networks in QDQ form (what quantizers write) and with QLinear operators, of seeded random numbers. Sums are of integers
on both sides, so that every rounding has the same operand.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import common


class Net:
    """A graph under construction; `q`: pairs of quantize and dequantize around values, as a quantizer puts them."""

    def __init__(self, seed, shape):
        self.rng, self.nodes, self.constants, self.count = np.random.default_rng(seed), [], [], 0
        self.shape = shape

    def constant(self, array):
        self.count += 1
        self.constants.append(numpy_helper.from_array(np.asarray(array), "c%d" % self.count))
        return "c%d" % self.count

    def node(self, kind, *inputs, **attributes):
        self.count += 1
        self.nodes.append(helper.make_node(kind, inputs, ["v%d" % self.count], **attributes))
        return "v%d" % self.count

    def q(self, value, scale, zero):
        s, z = self.constant(np.float32(scale)), self.constant(np.uint8(zero))
        return self.node("DequantizeLinear", self.node("QuantizeLinear", value, s, z), s, z)

    def weights(self, shape, axis):
        """Dequantized int8 weights with a scale for each index of `axis`; answers (value, scales)."""
        scales = self.rng.uniform(0.002, 0.02, shape[axis]).astype(np.float32)
        values = self.rng.integers(-127, 128, shape).astype(np.int8)
        zeros = np.zeros(shape[axis], np.int8)
        return self.node("DequantizeLinear", self.constant(values), self.constant(scales), self.constant(zeros),
                         axis=axis), scales

    def bias(self, input_scale, scales):
        s = (np.float32(input_scale) * scales).astype(np.float32)
        values = self.rng.integers(-3000, 3000, scales.shape).astype(np.int32)
        return self.node("DequantizeLinear", self.constant(values), self.constant(s),
                         self.constant(np.zeros(scales.shape, np.int32)), axis=0)

    def model(self, result):
        graph = helper.make_graph(
            self.nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(result, TensorProto.FLOAT, None)], self.constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        made.ir_version = 8
        return made


def convolutions(seed, relu):
    net = Net(seed, [2, 3, 13, 11])
    x = net.q("x", 0.03, 121)
    for channels_in, channels, group, stride, s_in, s_out in ((3, 20, 1, 2, 0.03, 0.11), (20, 20, 20, 1, 0.11, 0.2),
                                                              (20, 24, 1, 1, 0.2, 0.6), (24, 8, 4, 1, 0.6, 1.1)):
        w, scales = net.weights((channels, channels_in // group, 3, 3), 0)
        x = net.node("Conv", x, w, net.bias(s_in, scales), group=group, pads=[1, 1, 1, 1], strides=[stride, stride])
        if relu:
            x = net.node("Relu", x)
        x = net.q(x, s_out, 0 if relu else 117)
    return net.model(x)


def residual(seed):
    net = Net(seed, [1, 16, 9, 9])
    x = net.q("x", 0.04, 100)
    w, scales = net.weights((16, 16, 1, 1), 0)
    y = net.q(net.node("Conv", x, w, net.bias(0.04, scales)), 0.07, 131)
    y = net.q(net.node("Add", y, x), 0.09, 90)
    return net.model(net.q(net.node("GlobalAveragePool", y), 0.02, 128))


def products(seed):
    net = Net(seed, [2, 7, 33])
    x = net.q("x", 0.03, 128)
    w, _ = net.weights((33, 40), 1)
    y = net.q(net.node("MatMul", x, w), 0.05, 120)
    return net.model(net.q(net.node("MatMul", y, net.node("Transpose", y, perm=[0, 2, 1])), 0.9, 128))


class Quantized(common.Case):
    def check(self, model):
        path = self.work / "model.onnx"
        onnx.save(model, path)
        shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
        feeds = {"x": np.random.default_rng(5).standard_normal(shape).astype(np.float32)}
        want, = common.reference(path, feeds)
        got, = self.run_model(path, feeds)
        np.testing.assert_array_equal(got, want)
        self.assertGreater(len(np.unique(got)), 8)    # not all of it saturated

    def test_convolutions_with_zero_points(self):
        for seed in range(4):
            self.check(convolutions(seed, relu=False))

    def test_convolutions_then_relu(self):
        for seed in range(4):
            self.check(convolutions(seed, relu=True))

    def test_residual_sum_and_average(self):
        for seed in range(4):
            self.check(residual(seed))

    def test_products(self):
        for seed in range(4):
            self.check(products(seed))


if __name__ == "__main__":
    common.main()
