#!/usr/bin/env python3
"""One compile of a transformer with free batch and sequence sizes serves every size, against ONNX Runtime; and sizes
that contradict each other are refused with a message that says which."""
import itertools

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import common

SIZES = ((1, 16), (1, 128), (3, 77), (8, 128))


def make_feeds(path, batch, sequence):
    """Token ids; a mask whose last row ends early; zeros for what is left."""
    rng, feeds = np.random.default_rng(batch * 1000 + sequence), {}
    for name, shape, dtype in common.session_inputs(path):
        assert len(shape) == 2, name
        value = np.zeros((batch, sequence), dtype)
        if "mask" in name:
            value[:] = 1
            value[-1, sequence - sequence // 3:] = 0
        elif "type" not in name:
            value[:] = rng.integers(1, 20000, (batch, sequence))
        feeds[name] = value
    return feeds


def make_pyramid():
    """Blocks of depthwise convolutions at strides 1 and 2, then coarse values resized and added to finer ones, joined
    by a concat off blocks of 16 channels: the network of a text detector, small. Open: images, height, width."""
    rng, nodes, weights = np.random.default_rng(3), [], []

    def conv(x, y, channels, out, kernel, stride=1, group=1):
        w = rng.standard_normal((out, channels // group, kernel, kernel)) / (kernel * (channels // group) ** 0.5)
        weights.append(numpy_helper.from_array(w.astype(np.float32), y + "_w"))
        nodes.append(helper.make_node("Conv", [x, y + "_w"], [y], strides=[stride] * 2, pads=[kernel // 2] * 4,
                                      group=group))
        return y

    def op(kind, inputs, y, **attributes):
        nodes.append(helper.make_node(kind, inputs, [y], **attributes))
        return y

    def twice(x, y):
        return op("Resize", [x, "", "twice"], y, mode="nearest", coordinate_transformation_mode="asymmetric",
                  nearest_mode="floor")

    weights.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"))
    x, levels = op("Relu", [conv("x", "c", 3, 24, 3)], "r"), []
    for level, kernel in enumerate((3, 5, 3)):
        for part, stride in enumerate((2, 1, 1)):
            name = "l%d_%d" % (level, part)
            wide = op("HardSwish", [conv(x, name + "a", 24, 72, 1)], name + "b")
            deep = op("Relu", [conv(wide, name + "c", 72, 72, kernel, stride, 72)], name + "d")
            scale = op("HardSigmoid", [conv(op("GlobalAveragePool", [deep], name + "e"), name + "f", 72, 72, 1)],
                       name + "g")
            y = conv(op("Mul", [deep, scale], name + "h"), name + "i", 72, 24, 1)
            x = y if stride == 2 else op("Add", [x, y], name + "j")
        levels.append(x)
    coarse = op("Add", [twice(levels[2], "up2"), levels[1]], "p1")
    fine = op("Add", [twice(coarse, "up1"), levels[0]], "p0")
    joined = op("Concat", [twice(twice(levels[2], "u2"), "u2b"), twice(coarse, "u1"), fine], "joined", axis=1)
    op("Relu", [conv(joined, "head", 72, 20, 3)], "y")
    graph = helper.make_graph(nodes, "pyramid",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


class Dynamic(common.Case):
    def test_images_of_any_size(self):
        """Down to one pixel where filters have 25 taps."""
        path = self.work / "pyramid.onnx"
        onnx.save(make_pyramid(), path)
        self.compile(path, self.work / "artifact", "--emit=so", "--no-portable")
        rng = np.random.default_rng(4)
        for shape in ((1, 8, 8), (2, 8, 40), (1, 96, 64), (3, 56, 16), (1, 160, 8)) if not common.SANITIZED else (
                (1, 8, 8), (2, 8, 40)):
            feeds = {"x": rng.standard_normal((shape[0], 3, *shape[1:]), np.float32)}
            with self.subTest(shape=shape):
                got = self.run_model(self.work / "artifact" / "pyramid.so", feeds)
                self.compare(got, common.reference(path, feeds))

    def check_sizes(self, name, sizes):
        path = common.model(name)
        out = self.compile(path, self.work / "artifact", "--emit=so")
        for batch, sequence in sizes:
            feeds = make_feeds(path, batch, sequence)
            got = self.run_model(out / (name + ".so"), feeds)
            self.compare(got, common.reference(path, feeds), "%s (%d, %d)" % (name, batch, sequence))

    def test_bert_base(self):
        if common.SANITIZED:
            self.skipTest("too large for the sanitizers")
        self.check_sizes("bert_base", SIZES)

    def test_minilm(self):
        self.check_sizes("minilm_l3", SIZES if not common.SANITIZED else SIZES[:1])

    def test_inputs_that_name_their_sizes_apart(self):
        """The mask's sizes may then differ from the tokens' where they are 1; most callers give the same."""
        model = onnx.load(common.model("minilm_l3"))
        for k, value in enumerate(model.graph.input):
            for axis, dim in enumerate(value.type.tensor_type.shape.dim):
                dim.dim_param = "in%d_%d" % (k, axis)
        path = self.work / "apart.onnx"
        onnx.save(model, path)
        out = self.compile(path, self.work / "artifact", "--emit=so")
        for batch, sequence in SIZES[1:3] if not common.SANITIZED else SIZES[:1]:
            feeds = make_feeds(path, batch, sequence)
            self.compare(self.run_model(out / "apart.so", feeds), common.reference(path, feeds))
            mask = next(n for n in feeds if "mask" in n)
            feeds[mask] = feeds[mask][:1, :1]
            one = {**feeds, mask: np.ones((1, 1), feeds[mask].dtype)}
            whole = {**feeds, mask: np.ones((batch, sequence), feeds[mask].dtype)}
            got, want = (self.run_model(out / "apart.so", f) for f in (one, whole))
            self.compare(got[:1], want[:1])     # another output is the mask itself

    def test_sizes_that_contradict_each_other_are_refused(self):
        path = common.model("minilm_l3")
        out = self.compile(path, self.work / "artifact", "--emit=so")
        feeds = make_feeds(path, 2, 16)
        mask = next(n for n in feeds if "mask" in n)
        feeds[mask] = feeds[mask][:, :15]
        self.refuse(out / "minilm_l3.so", feeds, ("15", "16"))

    def test_a_wrong_rank_and_a_wrong_type_are_refused(self):
        path = common.DIGITS / "digits.onnx"
        out = self.compile(path, self.work / "artifact", "--emit=so")
        self.refuse(out / "digits.so", {"image": np.zeros((1, 8, 8), np.float32)}, ("image", "3", "4"))
        self.refuse(out / "digits.so", {"image": np.zeros((1, 1, 8, 8), np.float64)}, ("image",))
        self.refuse(out / "digits.so", {"image": np.zeros((1, 1, 8, 9), np.float32)}, ("image", "9", "8"))

    def test_sizes_of_two_names_broadcast(self):
        """Whatever the run shows of them: equal, or one of them 1, or none at all."""
        shapes = {"a": ("A0", "T", "A1"), "b": ("B0", 1, "B1"), "c": ("C0",), "m": ("A1", "K"),
                  "bias": ("M0", "M1")}
        nodes = [("Add", ["a", "b"], "ab"), ("Mul", ["ab", "a"], "y0"),             # a is among what ab came from
                 ("Sub", ["b", "a"], "ba"), ("Relu", ["ba"], "ba_relu"), ("Max", ["ba_relu", "c", "a"], "y1"),
                 ("MatMul", ["a", "m"], "am"), ("Add", ["am", "bias"], "am_bias"), ("Relu", ["am_bias"], "y2"),
                 ("ReduceSum", ["y1"], "y3"), ("Softmax", ["ab"], "y4"), ("Expand", ["c", "b1"], "y5"),
                 ("Concat", ["y0", "ab"], "y6")]
        graph = helper.make_graph(
            [helper.make_node("Shape", ["b"], ["b1"], start=2),
             *(helper.make_node(op, i, [o], **({"axis": 1} if op == "Concat" else {})) for op, i, o in nodes)],
            "broadcasts", [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()],
            [helper.make_tensor_value_info("y%d" % i, TensorProto.FLOAT, None) for i in range(7)])
        path = self.work / "broadcasts.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
        ranges = ["--dim=%s=0:64" % s for s in ("A0", "A1", "B0", "B1", "C0")]
        self.compile(path, self.work / "artifact", "--emit=so", *ranges)
        rng = np.random.default_rng(1)
        cases = [c for c in itertools.product((1, 5), (1, 18), (1, 5), (1, 18), (1, 18))]
        cases += [(0, 18, 0, 18, 18), (0, 18, 1, 1, 1), (5, 0, 5, 0, 1), (5, 1, 5, 0, 1)]
        for k, (a0, a1, b0, b1, c0) in enumerate(cases):
            if k % 4 and common.SANITIZED:
                continue
            sizes = {"A0": a0, "A1": a1, "B0": b0, "B1": b1, "C0": c0, "T": 3, "K": 8,
                     "M0": (1, 3)[k % 2], "M1": (1, 8)[k // 2 % 2]}
            feeds = {n: rng.standard_normal([sizes.get(d, d) for d in s], np.float32) for n, s in shapes.items()}
            with self.subTest(**sizes):
                got = self.run_model(self.work / "artifact" / "broadcasts.so", feeds)
                self.compare(got, common.reference(path, feeds))
        for name, shape in (("a", (5, 3, 18)), ("b", (3, 1, 18)), ("m", (18, 8))):
            feeds[name] = np.zeros(shape, np.float32)
        self.refuse(self.work / "artifact" / "broadcasts.so", feeds, ("to be equal, or one of them 1", "3", "5"))

    def refuse(self, target, feeds, words):
        arguments = []
        for k, (name, value) in enumerate(feeds.items()):
            np.save(self.work / ("%d.npy" % k), value)
            arguments += ["--input", "%s=@%s" % (name, self.work / ("%d.npy" % k))]
        done = common.ingot("run", target, *arguments)
        self.assertIn(done.returncode, (2, 3), done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    common.main()
