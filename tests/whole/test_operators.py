"""Operators of ai.onnx over the range of their attributes, against ONNX Runtime."""
import numpy as np

import common
from nodes import Const, Nodes

RNG = np.random.default_rng(7)


def f32(*shape, scale=1.0):
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


class Vision(common.Case):
    def test_grid_sample_2d(self):
        nodes = Nodes(opset=20)
        x, grid = f32(2, 3, 5, 4), RNG.uniform(-1.6, 1.6, (2, 6, 3, 2)).astype(np.float32)
        for mode in ("linear", "nearest", "cubic"):
            for padding in ("zeros", "border", "reflection"):
                for corners in (0, 1):
                    nodes.add("GridSample", [x, grid], mode=mode, padding_mode=padding, align_corners=corners)
        nodes.check(self)

    def test_grid_sample_3d(self):
        nodes = Nodes(opset=20)
        x, grid = f32(1, 2, 3, 4, 5), RNG.uniform(-1.4, 1.4, (1, 2, 3, 4, 3)).astype(np.float32)
        for mode in ("linear", "nearest"):
            for padding in ("zeros", "border", "reflection"):
                nodes.add("GridSample", [x, grid], mode=mode, padding_mode=padding)
        nodes.check(self)

    def test_grid_sample_16(self):
        nodes = Nodes(opset=16)
        x, grid = f32(1, 1, 4, 4), RNG.uniform(-1.2, 1.2, (1, 2, 3, 2)).astype(np.float32)
        for mode in ("bilinear", "nearest", "bicubic"):
            nodes.add("GridSample", [x, grid], mode=mode)
        nodes.check(self)

    def test_affine_grid(self):
        nodes = Nodes(opset=20)
        for corners in (0, 1):
            nodes.add("AffineGrid", [f32(2, 2, 3), Const([2, 3, 4, 5])], align_corners=corners)
            nodes.add("AffineGrid", [f32(2, 3, 4), Const([2, 3, 4, 5, 6])], align_corners=corners)
        nodes.check(self)

    def test_regions(self):
        x = f32(2, 3, 9, 8)
        rois = np.array([[0, 0, 5, 5], [1.5, 2.2, 7.1, 6.4], [-2, -1, 20, 30], [3, 3, 3, 3]], np.float32)
        batch = np.array([0, 1, 1, 0], np.int64)
        nodes = Nodes(opset=16)
        for coordinates in ("half_pixel", "output_half_pixel"):
            for sampling in (0, 2):
                nodes.add("RoiAlign", [x, rois, batch], output_height=3, output_width=2, sampling_ratio=sampling,
                          spatial_scale=0.75, coordinate_transformation_mode=coordinates)
        nodes.add("RoiAlign", [x, rois[:2], batch[:2]], output_height=2, output_width=2, sampling_ratio=2, mode="max")
        five = np.array([[0, 0, 0, 5, 5], [1, 1, 2, 7, 6], [1, 6, 6, 2, 2]], np.float32)
        nodes.add("MaxRoiPool", [x, five], pooled_shape=[3, 2], spatial_scale=0.8)
        nodes.check(self)

    def test_deform_conv(self):
        nodes = Nodes(opset=19)
        x, w = f32(2, 4, 6, 7), f32(6, 2, 3, 2)
        offset, mask = f32(2, 2 * 6 * 2, 3, 5), f32(2, 2 * 6, 3, 5)
        nodes.add("DeformConv", [x, w, offset, f32(6), mask], group=2, offset_group=2, strides=[2, 1],
                  pads=[1, 0, 0, 0], dilations=[1, 2])
        nodes.check(self)

    def test_col2im_and_unpool(self):
        nodes = Nodes(opset=18)
        nodes.add("Col2Im", [f32(2, 3 * 6, 12), Const([6, 5]), Const([2, 3])], pads=[0, 1, 1, 0], strides=[2, 1],
                  dilations=[1, 1])
        nodes.add("Col2Im", [f32(1, 2 * 4, 16), Const([6, 6]), Const([2, 2])], dilations=[2, 2])
        indices = np.array([[[[0, 3], [10, 13]]]], np.int64)
        nodes.add("MaxUnpool", [f32(1, 1, 2, 2), indices], kernel_shape=[2, 2], strides=[2, 2])
        nodes.check(self)


class Signal(common.Case):
    def test_transforms(self):
        nodes = Nodes(opset=17)
        for length in (1, 2, 7, 8, 12, 31, 64):        # Bluestein and radix 2
            nodes.add("DFT", [f32(2, length, 1)], axis=1, onesided=1)
            nodes.add("DFT", [f32(2, length, 3, 2)], axis=1)
            nodes.add("DFT", [f32(2, length, 3, 2)], axis=1, inverse=1)
        nodes.add("DFT", [f32(2, 6, 1), Const(9)], axis=1)
        nodes.add("DFT", [f32(2, 6, 1), Const(4)], axis=1, onesided=1)
        nodes.check(self)

    def test_stft(self):
        nodes = Nodes(opset=17)
        nodes.add("STFT", [f32(2, 40, 1), Const(6), Const(np.hanning(16).astype(np.float32))], onesided=1)
        nodes.add("STFT", [f32(2, 40, 1), Const(5), None, Const(12)], onesided=0)
        nodes.check(self)

    def test_mel_weights(self):
        nodes = Nodes(opset=17)
        for bins, length, rate, low, high in ((8, 64, 8000, 0.0, 4000.0), (5, 31, 16000, 300.0, 7000.0)):
            nodes.add("MelWeightMatrix", [Const(bins), Const(length), Const(rate), Const(low, np.float32),
                                          Const(high, np.float32)])
        nodes.check(self)

    def test_det(self):
        nodes = Nodes(opset=17)
        for n in (1, 2, 5):
            nodes.add("Det", [f32(3, n, n)])
        nodes.add("Det", [np.zeros((2, 3, 3), np.float32)])
        nodes.check(self)


class Convolution(common.Case):
    def test_transposed_with_a_given_shape(self):
        nodes = Nodes(opset=17)
        for shape, auto_pad in (([9, 8], "NOTSET"), ([10, 9], "NOTSET"), ([8, 7], "SAME_UPPER")):
            nodes.add("ConvTranspose", [f32(1, 3, 4, 4), Const(f32(3, 2, 3, 2))], output_shape=shape, strides=[2, 2],
                      auto_pad=auto_pad)
        nodes.check(self)


class Random(common.Case):
    """ONNX leaves the generator open: what is compared are moments, and two runs."""

    def test_distributions(self):
        nodes = Nodes(opset=22)
        n = 40000
        nodes.add("RandomUniform", [], shape=[n], low=-1.0, high=3.0, seed=3.0)
        nodes.add("RandomNormal", [], shape=[n], mean=2.0, scale=0.5, dtype=11)
        nodes.add("RandomNormalLike", [np.zeros(n, np.float32)])
        nodes.add("RandomUniformLike", [np.zeros(n, np.float32)], dtype=10)
        nodes.add("Bernoulli", [np.full(n, 0.3, np.float32)], dtype=7)
        nodes.add("Multinomial", [np.log(np.array([[0.2, 0.3, 0.5]], np.float32))], sample_size=n, seed=1.0)
        got = nodes.run(self)
        for value, mean, deviation in zip(got, (1, 2, 0, 0.5, 0.3, 1.3), (1.155, 0.5, 1, 0.289, 0.458, 0.781)):
            value = value.astype(np.float64)
            self.assertLess(abs(value.mean() - mean), 5 * deviation / np.sqrt(n))
            self.assertLess(abs(value.std() - deviation), 0.02)
        self.assertEqual([str(v.dtype) for v in got],
                         ["float32", "float64", "float32", "float16", "int64", "int32"])
        self.assertEqual(got[-1].max(), 2)
        for a, b in zip(got, nodes.run(self)):
            np.testing.assert_array_equal(a, b)

    def test_dropout_in_training(self):
        nodes = Nodes(opset=22)
        x = f32(200, 200)
        nodes.add("Dropout", [x, Const(0.25, np.float32), Const(True)], 2, seed=4)
        nodes.add("Dropout", [x, np.array(0.25, np.float32), np.array(True)], 2, seed=4)
        nodes.add("Dropout", [x, Const(0.25, np.float32), np.array(False)], 2)
        y, mask, also, also_mask, same, all_kept = nodes.run(self)
        self.assertLess(abs(mask.mean() - 0.75), 0.01)
        np.testing.assert_allclose(y, np.where(mask, x / np.float32(0.75), 0), rtol=1e-6)
        np.testing.assert_array_equal(y, also)
        np.testing.assert_array_equal(mask, also_mask)
        np.testing.assert_array_equal(same, x)
        self.assertTrue(all_kept.all())


if __name__ == "__main__":
    common.main()
