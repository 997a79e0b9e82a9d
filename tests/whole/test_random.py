#!/usr/bin/env python3
"""Random operators: a seed gives the same numbers in every run and for any number of threads, nodes and seeds differ, and
numbers are distributed as the operator says. (The generator itself: tests/unit/runtime/test_kernels_random.c.)"""
import numpy as np

import common
from nodes import Const, Nodes

N = 20000


class Random(common.Case):
    def draw(self, op_type, inputs, outputs=1, opset=21, **attributes):
        nodes = Nodes(opset=opset)
        nodes.add(op_type, inputs, outputs, **attributes)
        return nodes.run(self)

    def near(self, got, want, deviation, count, what=""):
        """A mean of `count` numbers of that deviation, within five of its own."""
        self.assertLess(abs(float(got) - want), 5 * deviation / np.sqrt(count) + 1e-12, what)

    def test_uniform_and_normal(self):
        like = np.zeros((100, N // 100), np.float32)
        for suffix, inputs, shape in (("", [], {"shape": [100, N // 100]}), ("Like", [like], {})):
            (u,) = self.draw("RandomUniform" + suffix, inputs, low=-2.0, high=4.0, seed=3.0, **shape)
            self.assertEqual((u.shape, u.dtype), (like.shape, like.dtype))
            self.assertTrue(u.min() >= -2 and u.max() < 4)
            self.near(u.mean(), 1, np.sqrt(3), N, "mean of uniform numbers")
            self.near((u * u).mean(), 4, 4.2, N, "their squares")
            (x,) = self.draw("RandomNormal" + suffix, inputs, mean=1.0, scale=2.0, seed=3.0, **shape)
            self.near(x.mean(), 1, 2, N, "mean of normal numbers")
            self.near(x.var(), 4, 4 * np.sqrt(2), N, "their variance")
            self.near((np.abs(x - 1) < 2).mean(), 0.6827, 0.47, N, "within one deviation")

    def test_types(self):
        for dtype, np_type in ((10, np.float16), (11, np.float64)):
            (u,) = self.draw("RandomUniform", [], shape=[1000], dtype=dtype, seed=1.0)
            self.assertEqual(u.dtype, np_type)
            self.near(u.astype(np.float64).mean(), 0.5, 0.2887, 1000)

    def test_bernoulli(self):
        p = np.repeat(np.array([0, 0.1, 0.5, 0.9, 1], np.float32), N).reshape(5, N)
        (y,) = self.draw("Bernoulli", [p], seed=2.0)
        self.assertEqual(set(np.unique(y)), {0, 1})
        for row, want in zip(y, p[:, 0]):
            self.near(row.mean(), want, np.sqrt(want * (1 - want)), N)
        (y,) = self.draw("Bernoulli", [p], seed=2.0, dtype=6)
        self.assertEqual(y.dtype, np.int32)

    def test_multinomial(self):
        p = np.array([[0.1, 0.2, 0.3, 0.4], [0.97, 0.01, 0.01, 0.01]], np.float32)
        (y,) = self.draw("Multinomial", [np.log(p) + 3], sample_size=N, seed=4.0, dtype=7)
        self.assertEqual((y.shape, y.dtype), ((2, N), np.int64))
        for row, weights in zip(y, p):
            for k, want in enumerate(weights):
                self.near((row == k).mean(), want, np.sqrt(want * (1 - want)), N, "class %d" % k)

    def test_dropout_in_training(self):
        x = np.full((200, 100), 2, np.float32)
        training = Const(True, np.bool_)
        for ratio in (0.25, 0.75):
            y, mask = self.draw("Dropout", [x, Const(ratio, np.float32), training], 2, seed=9)
            self.near(mask.mean(), 1 - ratio, np.sqrt(ratio * (1 - ratio)), N)
            np.testing.assert_allclose(y, np.where(mask, x / np.float32(1 - ratio), 0), rtol=1e-6)
        y, mask = self.draw("Dropout", [x, Const(0, np.float32), training], 2, seed=9)
        self.assertTrue(mask.all() and (y == x).all())

    def test_runs_and_threads_agree_and_nodes_and_seeds_do_not(self):
        nodes = Nodes(opset=21)
        x = np.full((300, 200), 0.5, np.float32)
        for seed in ({"seed": 1.0}, {"seed": 2.0}, {}, {}):
            nodes.add("RandomNormalLike", [x], **seed)
            nodes.add("Bernoulli", [x], **seed)
        path = nodes.save(self.work / "nodes.onnx")
        out = self.compile(path, self.work / "artifact", "--emit=so")
        runs = [self.run_model(path, nodes.feeds), self.run_model(path, nodes.feeds),
                self.run_model(out / "nodes.so", nodes.feeds, "--threads", "1"),
                self.run_model(out / "nodes.so", nodes.feeds, "--threads", "4")]
        for other in runs[1:]:
            for a, b in zip(runs[0], other):
                np.testing.assert_array_equal(a, b)
        for kind in (0, 1):
            drawn = [runs[0][2 * k + kind].astype(np.float64).ravel() for k in range(4)]
            for i in range(4):
                for k in range(i):
                    self.near(np.corrcoef(drawn[i], drawn[k])[0, 1], 0, 1, x.size, "nodes %d and %d" % (i, k))


if __name__ == "__main__":
    common.main()
