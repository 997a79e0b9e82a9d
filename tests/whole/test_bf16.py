#!/usr/bin/env python3
"""--precision=bf16 on whole models: the weights of products are rounded to bf16, operands too where the target multiplies
bf16, all else stays f32; the report says which products, and the same meaning at every level and on portable kernels."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import common

WIDENS, PAIRS = "x86-64-v3", "x86-64-v4-on-v3"      # a target without products of bf16, and the row that stands for one
EXACT = 2e-6                                        # of sums in f32, over the largest result


def rounded(a):
    """To the nearest bf16, ties to even."""
    bits = a.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def convolve(x, w, pad):
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    rows, columns = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
    y = np.zeros((x.shape[0], w.shape[0], rows, columns))
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            y += np.einsum("nchw,oc->nohw", x[:, :, i:i + rows, j:j + columns], w[:, :, i, j].astype(np.float64))
    return y


def save(path, nodes, x_shape, y_shape, constants):
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, y_shape)],
                              [numpy_helper.from_array(v, k) for k, v in constants.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


class Bf16(common.Case):
    def setUp(self):
        super().setUp()
        self.rng = np.random.default_rng(7)
        self.path = self.work / "m.onnx"

    def normal(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)

    def mlp(self, rows, transposed=False):
        """relu(x w1 + b1) w2 + b2; answers x and the weights."""
        x, w1, b1, w2, b2 = (self.normal(rows, 515), self.normal(515, 700) / 23, self.normal(700),
                             self.normal(700, 513) / 26, self.normal(513))
        stored = w1.T.copy() if transposed else w1
        nodes = [helper.make_node("Gemm", ["x", "w1", "b1"], ["a"], name="first", transB=int(transposed)),
                 helper.make_node("Relu", ["a"], ["r"]),
                 helper.make_node("Gemm", ["r", "w2", "b2"], ["y"], name="second")]
        save(self.path, nodes, x.shape, (rows, 513), {"w1": stored, "b1": b1, "w2": w2, "b2": b2})
        return x, w1, b1, w2, b2

    def expected(self, x, w1, b1, w2, b2, pairs):
        a = rounded if pairs else lambda v: v
        r = np.maximum(a(x).astype(np.float64) @ rounded(w1) + b1, 0)
        return a(r.astype(np.float32)).astype(np.float64) @ rounded(w2) + b2

    def near(self, got, want, limit):
        self.assertLess(np.abs(got - want).max() / np.abs(want).max(), limit)

    def test_products_of_few_rows(self):
        for rows in (1, 3):
            m = self.mlp(rows, transposed=rows == 3)
            for cpu, limit in ((WIDENS, EXACT), (PAIRS, 1e-3)):     # a sum in f32 may be rounded to bf16 the other way
                want = self.expected(*m, cpu == PAIRS)
                for options in ([], ["-O0"], ["-O1"], ["--no-generated"]):
                    got = self.run_model(self.path, {"x": m[0]}, "--precision=bf16", "--cpu", cpu, *options)[0]
                    self.near(got, want, limit)
            plain = self.run_model(self.path, {"x": m[0]}, "--precision=f32")[0]
            self.assertGreater(np.abs(plain - got).max(), 1e-4)

    def test_artifact_and_report(self):
        x = self.mlp(1)[0]
        reports = {}
        for name in ("f32", "bf16"):
            out = self.compile(self.path, self.work / name, "--precision", name, "--cpu", WIDENS, "--emit=so")
            reports[name] = json.loads((out / "m.json").read_text())
        a, b = reports["f32"], reports["bf16"]
        self.assertEqual(b["compiled_from"]["options"]["precision"], "bf16")
        self.assertNotEqual(a["build_id"], b["build_id"])
        self.assertNotIn("precision", a)
        self.assertEqual([p["op"] for p in b["precision"]["bf16"]], ["first (Gemm)", "second (Gemm)"])
        self.assertEqual(b["precision"]["f32"], [])
        self.assertLess(b["memory"]["weights_bytes"], 0.52 * a["memory"]["weights_bytes"])
        self.assertEqual(sum("bf16.packed16" in k["spec"] for k in b["kernels"]), 2)
        got = self.run_model(self.work / "bf16", {"x": x})[0]
        self.assertTrue(np.array_equal(got, self.run_model(self.path, {"x": x}, "--precision=bf16", "--cpu", WIDENS)[0]))

    def test_versions_share_words(self):
        self.mlp(1)
        one = self.compile(self.path, self.work / "one", "--precision=bf16", "--cpu", WIDENS)
        two = self.compile(self.path, self.work / "two", "--precision=bf16", "--cpu", WIDENS + ",znver4")
        self.assertEqual((one / "m.weights").stat().st_size, (two / "m.weights").stat().st_size)

    def test_what_stays(self):
        self.mlp(64)
        text = self.succeed(common.ingot("explain", self.path, "--precision=bf16", "--cpu", WIDENS))
        self.assertIn("'first (Gemm)' stays f32: predicted", text)
        self.assertIn("precision bf16: 0 products with weights of bf16, 2 stay f32", text)
        self.assertIn("precision bf16: 2 products with weights of bf16 and operands rounded to it, 0 stay f32",
                      self.succeed(common.ingot("explain", self.path, "--precision=bf16", "--cpu", PAIRS)))
        whole = np.round(self.normal(515, 700) * 40)
        nodes = [helper.make_node("MatMul", ["x", "w"], ["a"], name="whole"),
                 helper.make_node("Transpose", ["a"], ["t"]), helper.make_node("MatMul", ["a", "t"], ["y"], name="two")]
        save(self.path, nodes, (1, 515), (1, 1), {"w": whole})
        text = self.succeed(common.ingot("explain", self.path, "--precision=bf16", "--cpu", WIDENS))
        self.assertIn("'whole (MatMul)' stays f32: its weights are whole numbers", text)
        self.assertIn("'two (MatMul)' stays f32: its second operand is no constant", text)

    def test_convolutions(self):
        """relu(conv(relu(x))) of 1x1 and 3x3 filters, in blocks and, without the layout pass, plain."""
        for channels, outs, size, kernel, groups in ((64, 48, 1, 1, 1), (40, 72, 9, 3, 1), (64, 64, 12, 3, 2),
                                                     (128, 256, 14, 1, 1)):
            x = self.normal(1, channels, size, size)
            w = self.normal(outs, channels // groups, kernel, kernel) / np.sqrt(channels * kernel).astype(np.float32)
            nodes = [helper.make_node("Relu", ["x"], ["a"]),
                     helper.make_node("Conv", ["a", "w"], ["b"], name="c", pads=[kernel // 2] * 4, group=groups),
                     helper.make_node("Relu", ["b"], ["y"])]
            save(self.path, nodes, x.shape, (1, outs, size, size), {"w": w})
            a = np.maximum(x, 0)
            part, many = channels // groups, outs // groups
            for cpu in (WIDENS, PAIRS):
                options = ["--precision=bf16", "--cpu", cpu, "--exact-conv"]
                taken = "'c (Conv)' in bf16" in self.succeed(common.ingot("explain", self.path, *options))
                self.assertEqual(taken, cpu == PAIRS or size == 1, "channels %d" % channels)
                each = rounded if taken else lambda v: v
                b = rounded(a) if taken and cpu == PAIRS else a
                want = np.concatenate([convolve(b[:, g * part:(g + 1) * part], each(w[g * many:(g + 1) * many]),
                                                kernel // 2) for g in range(groups)], axis=1)
                for level in ("-O2", "-O0"):
                    got = self.run_model(self.path, {"x": x}, *options, level)[0]
                    self.near(got, np.maximum(want, 0), EXACT)

    def test_verify(self):
        """The error of bf16 is within the tolerances that it brings, and not within those of f32."""
        x, w1, b1, w2, b2 = self.mlp(1)
        data = self.work / "case" / "test_data_set_0"
        data.mkdir(parents=True)
        self.path.rename(self.work / "case" / "model.onnx")
        want = (np.maximum(x @ w1 + b1, 0) @ w2 + b2).astype(np.float32)
        for name, value in (("input_0", x), ("output_0", want)):
            (data / (name + ".pb")).write_bytes(numpy_helper.from_array(value).SerializeToString())
        self.succeed(common.ingot("verify", self.work / "case", "--precision=bf16", "--per-op"))
        self.succeed(common.ingot("verify", self.work / "case", "--atol-scaled=1e-5"))
        tight = ["--precision=bf16", "--rtol=1e-3", "--atol-scaled=1e-4"]
        self.assertEqual(common.ingot("verify", self.work / "case", *tight).returncode, 1)

    def test_refusals(self):
        self.mlp(1)
        for value in ("f16", "", "BF16"):
            done = common.ingot("compile", self.path, "-o", self.work / "out", "--precision=" + value)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--precision: '%s' is neither f32 nor bf16" % value, done.stderr)

    def test_model(self):
        """A decoder: its weights come from memory, so all its products with constants become bf16."""
        if common.SANITIZED:
            self.skipTest("slow")
        case = common.MODELS / "cases" / "gpt2_decode.b1_p128"
        if not case.exists():
            self.skipTest("gpt2_decode.b1_p128 is not there")
        self.succeed(common.ingot("verify", case, "--precision=bf16", "--atol-scaled=0.01"))


if __name__ == "__main__":
    common.main()
