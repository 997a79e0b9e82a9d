"""Forms of operators before opset 7, which ONNX Runtime need not have: against NumPy, or against the newer form."""
import numpy as np

import common
from nodes import Const, Nodes

RNG = np.random.default_rng(3)


def f32(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


class Old(common.Case):
    def expect(self, nodes, *want):
        got = nodes.run(self)
        self.compare(got, [np.asarray(w) for w in want])

    def like(self, old, new):
        """What the old forms give is what ONNX Runtime gives for the new ones."""
        path = new.save(self.work / "new.onnx")
        want = common.reference(path, new.feeds)
        self.compare(old.run(self), want)

    def test_broadcasting_on_request(self):
        x, row, channel = f32(2, 3, 4, 5), f32(4, 5), f32(3)
        old = Nodes(opset=1)
        old.add("Add", [x, row], broadcast=1)
        old.add("Mul", [x, channel], broadcast=1, axis=1)
        old.add("Sub", [x, channel], broadcast=1, axis=-3)
        old.add("Div", [x, x])
        self.expect(old, x + row, x * channel[:, None, None], x - channel[:, None, None], x / x)

    def test_attributes_that_became_inputs(self):
        x = f32(2, 3, 4)
        old = Nodes(opset=1)
        old.add("Reshape", [x], shape=[0, -1])
        old.add("Tile", [x, Const(2, np.float32), Const(1, np.float32)])
        old.add("Pad", [x], paddings=[0, 1, 0, 0, 0, 2], value=3.0)
        old.add("Slice", [x], starts=[1, 0], ends=[3, 2], axes=[1, 2])
        old.add("Cast", [x], to="INT32")
        old.add("Split", [x], 2, split=[1, 2], axis=1)
        old.add("Concat", [x, x])
        old.add("Clip", [x], min=-0.5, max=0.25)
        old.add("TopK", [x], 2, k=2)
        order = np.argsort(-x, axis=-1, kind="stable")[..., :2]
        self.expect(old, x.reshape(2, 12), np.tile(x, (1, 2, 1)),
                    np.pad(x, ((0, 0), (1, 0), (0, 2)), constant_values=3), x[:, 1:3, :2], x.astype(np.int32),
                    x[:, :1], x[:, 1:], np.concatenate([x, x], 1), np.clip(x, -0.5, 0.25),
                    np.take_along_axis(x, order, -1), order)

    def test_activations(self):
        x = f32(3, 5)
        old = Nodes(opset=1)
        for op in ("Abs", "Neg", "Exp", "Relu", "Sigmoid", "Tanh", "Floor", "Ceil"):
            old.add(op, [x])
        old.add("Selu", [x])
        old.add("LeakyRelu", [x], alpha=0.2)
        old.add("Dropout", [x], ratio=0.4, is_test=1)
        selu = 1.0507 * np.where(x > 0, x, 1.6732 * (np.exp(x) - 1))
        self.expect(old, np.abs(x), -x, np.exp(x), np.maximum(x, 0), 1 / (1 + np.exp(-x)), np.tanh(x), np.floor(x),
                    np.ceil(x), selu.astype(np.float32), np.where(x < 0, np.float32(0.2) * x, x), x)

    def test_images(self):
        x = f32(1, 3, 4, 4)
        old, new = Nodes(opset=1), Nodes(opset=17)
        old.add("Upsample", [x], height_scale=2.0, width_scale=3.0, mode="nearest")
        new.add("Resize", [x, None, Const([1, 1, 2, 3], np.float32)], mode="nearest", nearest_mode="floor",
                coordinate_transformation_mode="asymmetric")
        old.add("Upsample", [x], height_scale=2.0, width_scale=2.0, mode="bilinear")
        new.add("Resize", [x, None, Const([1, 1, 2, 2], np.float32)], mode="linear",
                coordinate_transformation_mode="asymmetric")
        w, b = f32(2, 3, 3, 3), f32(2)
        for nodes in (old, new):
            nodes.add("Conv", [x, Const(w), Const(b)], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
            nodes.add("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
            nodes.add("GlobalAveragePool", [x])
            nodes.add("LRN", [x], size=3)
        old.add("LpPool", [x], kernel_shape=[2, 2], p=2.0)
        new.add("LpPool", [x], kernel_shape=[2, 2], p=2)
        old.add("GlobalLpPool", [x], p=2.0)
        new.add("GlobalLpPool", [x], p=2)
        self.like(old, new)

    def test_upsample_7_and_9(self):
        x = f32(1, 2, 3, 4)
        for opset in (7, 9):
            old, new = Nodes(opset=opset), Nodes(opset=17)
            scales = [1.0, 1.0, 2.0, 1.5]
            if opset == 7:
                old.add("Upsample", [x], scales=scales, mode="linear")
            else:
                old.add("Upsample", [x, Const(scales, np.float32)], mode="linear")
            new.add("Resize", [x, None, Const(scales, np.float32)], mode="linear",
                    coordinate_transformation_mode="asymmetric")
            self.like(old, new)

    def test_batch_norm(self):
        x, p = f32(2, 3, 4), [f32(3), f32(3), f32(3), np.abs(f32(3))]
        each = [f32(3, 4), f32(3, 4), f32(3, 4), np.abs(f32(3, 4))]
        old = Nodes(opset=6)
        old.add("BatchNormalization", [x, *map(Const, p)], is_test=1)
        old.add("BatchNormalization", [x, *map(Const, each)], is_test=1, spatial=0)
        scale, bias, mean, variance = (v[:, None] for v in p)
        self.expect(old, (x - mean) / np.sqrt(variance + 1e-5) * scale + bias,
                    (x - each[2]) / np.sqrt(each[3] + 1e-5) * each[0] + each[1])

    def test_products_and_softmax(self):
        a, b, c, x = f32(3, 4), f32(4, 5), f32(5), f32(2, 3, 4)
        old = Nodes(opset=1)
        old.add("Gemm", [a, b, c], broadcast=1, alpha=0.5)
        old.add("Softmax", [x])
        e = np.exp(x.reshape(2, 12))
        self.expect(old, 0.5 * (a @ b) + c, (e / e.sum(1, keepdims=True)).reshape(x.shape))

    def test_recurrent(self):
        x, w, r, b = f32(4, 2, 3), f32(1, 8, 3), f32(1, 8, 2), f32(1, 16)
        old, new = Nodes(opset=1), Nodes(opset=14)
        for nodes in (old, new):
            nodes.add("LSTM", [x, Const(w), Const(r), Const(b)], 3, hidden_size=2)
        self.like(old, new)

    def test_withdrawn_operators(self):
        x = f32(1, 3, 5, 6)
        old = Nodes(opset=1)
        old.add("Affine", [x], alpha=2.0, beta=0.5)
        old.add("ImageScaler", [x], scale=0.5, bias=[1.0, 2.0, 3.0])
        old.add("ScaledTanh", [x], alpha=2.0, beta=0.5)
        old.add("ParametricSoftplus", [x], alpha=2.0, beta=0.5)
        old.add("Crop", [x], border=[1, 2, 3, 1])
        old.add("Crop", [x], border=[1, 2, 3, 1], scale=[2, 4])
        old.add("ThresholdedRelu", [x], alpha=0.5)
        old.add("MeanVarianceNormalization", [x], across_channels=1)
        mean = x.mean((1, 2, 3), keepdims=True)
        self.expect(old, 2 * x + np.float32(0.5), x * np.float32(0.5) + np.array(
            [1, 2, 3], np.float32)[:, None, None], 2 * np.tanh(x / 2), 2 * np.log(np.exp(x / 2) + 1),
                    x[:, :, 2:-1, 1:-3], x[:, :, 2:4, 1:5], np.where(x > 0.5, x, np.float32(0)),
                    (x - mean) / np.sqrt(((x - mean) ** 2).mean((1, 2, 3), keepdims=True)))


if __name__ == "__main__":
    common.main()
