#!/usr/bin/env python3
"""Trains the digits model of this folder and exports it: digits.onnx and a few samples.

    pip install numpy scikit-learn onnx && python train.py

A small convolutional network on the 8x8 digits of the UCI "Optical Recognition of Handwritten Digits" set, which
scikit-learn carries (CC BY 4.0): conv 3x3 to 16, relu, conv 3x3 to 32, relu, max pool 2x2, linear to 10, softmax.
Plain numpy, seeded, about a minute; a fifth of the images, by index, is held out and gives the accuracy printed.
The samples are held-out images, digit_N.npy [1, 1, 8, 8] float32 in 0..1, the first of each of a few classes.
"""
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

HERE = Path(__file__).resolve().parent
SEED, EPOCHS, BATCH, RATE = 7, 30, 32, 2e-3
SAMPLES = (0, 2, 3, 5, 7, 9)


def patches(x):
    """im2col for a 3x3 window with padding 1: [N, C, H, W] -> [N, H, W, C*9]."""
    n, c, h, w = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return view.transpose(0, 2, 3, 1, 4, 5).reshape(n, h, w, c * 9)


def unpatch(grad, channels):
    """Gradient of patches(): [N, H, W, C*9] -> [N, C, H, W]."""
    n, h, w, _ = grad.shape
    grad = grad.reshape(n, h, w, channels, 3, 3)
    out = np.zeros((n, channels, h + 2, w + 2), grad.dtype)
    for i in range(3):
        for j in range(3):
            out[:, :, i:i + h, j:j + w] += grad[..., i, j].transpose(0, 3, 1, 2)
    return out[:, :, 1:-1, 1:-1]


def forward(p, x):
    """Class probabilities [N, 10] and what backward() needs."""
    k = {"x1": patches(x)}
    k["a1"] = np.maximum(k["x1"] @ p["w1"] + p["b1"], 0).transpose(0, 3, 1, 2)
    k["x2"] = patches(k["a1"])
    k["a2"] = np.maximum(k["x2"] @ p["w2"] + p["b2"], 0).transpose(0, 3, 1, 2)
    n, c, h, w = k["a2"].shape
    blocks = k["a2"].reshape(n, c, h // 2, 2, w // 2, 2)
    k["pooled"] = blocks.max(axis=(3, 5))
    k["flat"] = k["pooled"].reshape(n, -1)
    z = k["flat"] @ p["w3"] + p["b3"]
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True), k


def backward(p, k, probabilities, labels):
    """Gradients of the mean cross entropy, by parameter name."""
    n = len(labels)
    g, d = {}, probabilities.copy()
    d[np.arange(n), labels] -= 1
    d /= n
    g["w3"], g["b3"] = k["flat"].T @ d, d.sum(axis=0)
    d = (d @ p["w3"].T).reshape(k["pooled"].shape)
    spread = k["pooled"].repeat(2, axis=2).repeat(2, axis=3)
    d = d.repeat(2, axis=2).repeat(2, axis=3) * (k["a2"] == spread) * (k["a2"] > 0)
    for layer, kept in ((2, "a1"), (1, None)):
        rows = d.transpose(0, 2, 3, 1)
        x = k["x%d" % layer]
        g["w%d" % layer] = x.reshape(-1, x.shape[-1]).T @ rows.reshape(-1, rows.shape[-1])
        g["b%d" % layer] = rows.sum(axis=(0, 1, 2))
        if kept:
            d = unpatch(rows @ p["w%d" % layer].T, k[kept].shape[1]) * (k[kept] > 0)
    return g


def train(images, labels, rng):
    shapes = {"w1": (9, 16), "b1": (16,), "w2": (16 * 9, 32), "b2": (32,), "w3": (32 * 16, 10), "b3": (10,)}
    p = {name: rng.standard_normal(s) * np.sqrt(2 / s[0]) if len(s) == 2 else np.zeros(s) for name, s in shapes.items()}
    m, v, step = {n: 0.0 for n in p}, {n: 0.0 for n in p}, 0
    for _ in range(EPOCHS):
        order = rng.permutation(len(images))
        for at in range(0, len(order), BATCH):
            pick = order[at:at + BATCH]
            x = images[pick]
            dx, dy = rng.integers(-1, 2, 2)     # shifts by a pixel
            x = np.roll(x, (dy, dx), axis=(2, 3))
            probabilities, kept = forward(p, x)
            step += 1
            for name, g in backward(p, kept, probabilities, labels[pick]).items():    # Adam
                m[name] = 0.9 * m[name] + 0.1 * g
                v[name] = 0.999 * v[name] + 0.001 * g * g
                p[name] = p[name] - RATE * (m[name] / (1 - 0.9 ** step)) / (np.sqrt(v[name] / (1 - 0.999 ** step)) + 1e-8)
    return p


def export(p, path):
    def conv(w, channels):      # [C*9, M] -> [M, C, 3, 3]
        return w.T.reshape(-1, channels, 3, 3)
    weights = {"conv1.weight": conv(p["w1"], 1), "conv1.bias": p["b1"], "conv2.weight": conv(p["w2"], 16),
               "conv2.bias": p["b2"], "linear.weight": p["w3"], "linear.bias": p["b3"]}
    nodes = [
        helper.make_node("Conv", ["image", "conv1.weight", "conv1.bias"], ["conv1"], "conv1", pads=[1] * 4),
        helper.make_node("Relu", ["conv1"], ["relu1"], "relu1"),
        helper.make_node("Conv", ["relu1", "conv2.weight", "conv2.bias"], ["conv2"], "conv2", pads=[1] * 4),
        helper.make_node("Relu", ["conv2"], ["relu2"], "relu2"),
        helper.make_node("MaxPool", ["relu2"], ["pool"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pool"], ["flat"], "flat"),
        helper.make_node("Gemm", ["flat", "linear.weight", "linear.bias"], ["logits"], "linear"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1),
    ]
    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(np.ascontiguousarray(w, np.float32), name) for name, w in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                              producer_name="ingot examples/digits/train.py")
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def main():
    digits = load_digits()
    images = (digits.images / 16).reshape(-1, 1, 8, 8)
    held = np.arange(len(images)) % 5 == 4
    p = train(images[~held], digits.target[~held], np.random.default_rng(SEED))
    answers = forward(p, images[held])[0].argmax(axis=1)
    print("held-out accuracy: %.1f %% of %d" % (100 * np.mean(answers == digits.target[held]), held.sum()))
    export(p, HERE / "digits.onnx")
    for label in SAMPLES:
        sample = images[held][digits.target[held] == label][0]
        np.save(HERE / ("digit_%d.npy" % label), sample.astype(np.float32)[None])


if __name__ == "__main__":
    main()
