"""com.microsoft: what ONNX Runtime's optimisers and quantizer put into models, against ONNX Runtime."""
import numpy as np

import common
from nodes import Const, Nodes

RNG = np.random.default_rng(5)


def f32(*shape, scale=1.0):
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


def u8(*shape):
    return RNG.integers(0, 256, shape).astype(np.uint8)


def i8(*shape):
    return RNG.integers(-63, 64, shape).astype(np.int8)       # ONNX Runtime's products of u8 and i8 saturate beyond


class Contrib(common.Case):
    def setUp(self):
        super().setUp()
        self.nodes = Nodes(opset=17, com_microsoft=1)

    def add(self, op_type, inputs, outputs=1, off=0, **attributes):
        self.nodes.add(op_type, inputs, outputs, "com.microsoft", off, **attributes)

    def check(self, **options):
        self.nodes.check(self, **options)


class Fused(Contrib):
    def test_activations(self):
        for op in ("Gelu", "FastGelu", "QuickGelu"):
            self.add(op, [f32(3, 8)])
        self.add("QuickGelu", [f32(3, 8)], alpha=0.7)
        self.add("BiasGelu", [f32(3, 8), f32(8)])
        self.add("FastGelu", [f32(3, 8), f32(8)])
        self.check()

    def test_products(self):
        a, b = f32(2, 3, 4, 5), f32(2, 3, 5, 6)
        self.add("FusedMatMul", [a, b], alpha=0.5)
        self.add("FusedMatMul", [f32(2, 3, 5, 4), f32(2, 3, 6, 5)], transA=1, transB=1)
        self.add("FusedMatMul", [f32(4, 2, 3, 5), b], transBatchA=1)
        self.add("FusedMatMul", [a, f32(5, 2, 3, 6)], transBatchB=1, alpha=2.0)
        for activation in ("Relu", "Sigmoid", "Tanh", "LeakyRelu"):
            self.add("FusedGemm", [f32(3, 4), f32(4, 5), f32(5)], activation=activation, activation_alpha=0.2,
                     alpha=0.5, beta=2.0)
        self.check()

    def test_convolutions(self):
        x, w = f32(1, 3, 6, 6), Const(f32(4, 3, 3, 3))
        for activation in ("Relu", "Sigmoid", "Tanh"):
            self.add("FusedConv", [x, w, Const(f32(4))], activation=activation, pads=[1, 1, 1, 1])
        self.add("FusedConv", [x, w], activation="LeakyRelu", activation_params=[0.1])
        self.add("FusedConv", [x, w, Const(f32(4))], activation="Clip", activation_params=[-0.5, 0.75])
        self.add("FusedConv", [x, w], activation="HardSigmoid", activation_params=[0.3, 0.4])
        self.add("FusedConv", [x, w, Const(f32(4)), f32(1, 4, 4, 4)], activation="Relu")
        self.add("NhwcMaxPool", [u8(1, 7, 6, 5)], kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
        self.check()

    def test_norms(self):
        x, skip = f32(2, 3, 8), f32(2, 3, 8)
        self.add("SkipLayerNormalization", [x, skip, f32(8), f32(8), f32(8)], [1, 0, 0, 1], epsilon=1e-5)
        self.add("SkipLayerNormalization", [x, f32(3, 8), f32(8)])
        self.add("SkipSimplifiedLayerNormalization", [x, skip, f32(8), f32(8)], [1, 0, 0, 1])
        self.nodes.add("SimplifiedLayerNormalization", [x, f32(8)], axis=-1, epsilon=1e-6)
        self.check()

    def test_embeddings(self):
        ids, segments = RNG.integers(0, 20, (2, 5)).astype(np.int32), RNG.integers(0, 2, (2, 5)).astype(np.int32)
        mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
        tables = [f32(20, 8), f32(6, 8), f32(2, 8), f32(8), f32(8)]
        self.add("EmbedLayerNormalization", [ids, segments, *tables, mask], 2)
        self.add("EmbedLayerNormalization", [ids, None, *tables[:2], None, *tables[3:]], [1, 1, 1])
        self.check()


class Attention(Contrib):
    def test_packed(self):
        x, w, b = f32(2, 4, 6), Const(f32(6, 24, scale=0.5)), Const(f32(24))
        mask = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], np.int32)
        self.add("Attention", [x, w, b], num_heads=2)
        self.add("Attention", [x, w, b], num_heads=2, unidirectional=1, scale=0.25)
        self.add("Attention", [x, w, b, mask], num_heads=2)
        self.add("Attention", [x, w, b, np.array([3, 2], np.int32)], num_heads=2)
        self.add("Attention", [x, w, b, np.array([3, 4, 0, 1], np.int32)], num_heads=2)
        self.add("Attention", [x, w, b, np.tril(np.ones((2, 4, 4), np.int32))], num_heads=2)
        self.add("Attention", [x, w, b, None, None, f32(2, 2, 4, 4)], num_heads=2)
        self.add("Attention", [x, w, b, None, f32(2, 2, 2, 3, 4)], 2, num_heads=2, unidirectional=1)
        self.add("Attention", [x, Const(f32(6, 20)), Const(f32(20))], num_heads=2, qkv_hidden_sizes=[8, 8, 4])
        self.check()

    def test_multi_head(self):
        q, k, v = f32(2, 4, 8), f32(2, 5, 8), f32(2, 5, 8)
        self.add("MultiHeadAttention", [q, k, v], num_heads=2)
        self.add("MultiHeadAttention", [q, k, v, f32(24)], num_heads=2, scale=0.3)
        self.add("MultiHeadAttention", [q, k, v, None, np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], np.int32)],
                 num_heads=2)
        self.add("MultiHeadAttention", [q, k, v, None, None, f32(1, 2, 4, 5)], num_heads=2)
        self.add("MultiHeadAttention", [q, q, q, None, None, None, f32(2, 2, 3, 4), f32(2, 2, 3, 4)], 3, num_heads=2,
                 unidirectional=1)
        self.add("MultiHeadAttention", [q, f32(2, 2, 5, 4), f32(2, 2, 5, 4)], num_heads=2)
        self.check()

    def test_multi_head_with_packed_operands(self):
        """ONNX Runtime has these on GPUs only: compared with the operands apart."""
        packed = f32(2, 4, 2, 3, 4)
        q, k, v = (packed[:, :, :, i].reshape(2, 4, 8) for i in range(3))
        self.add("MultiHeadAttention", [q, k, v], num_heads=2)
        self.add("MultiHeadAttention", [packed], num_heads=2)
        self.add("MultiHeadAttention", [q, np.ascontiguousarray(packed[:, :, :, 1:])], num_heads=2)
        apart, all_packed, keys_packed = self.nodes.run(self)
        self.compare([all_packed, keys_packed], [apart, apart])

    def group_query(self, lengths, total, tokens, past, opened=True, inputs=(), **attributes):
        batch, heads, kv, width = len(lengths), 4, 2, 16
        old = [f32(batch, kv, past, width), f32(batch, kv, past, width)]
        for cache in old:       # nothing but zeros past what came before
            cache[:, :, max(total - tokens, 0):] = 0
        total = np.array(total, np.int32)
        self.add("GroupQueryAttention",
                 [f32(batch, tokens, heads * width), f32(batch, tokens, kv * width), f32(batch, tokens, kv * width),
                  *old, np.array(lengths, np.int32) - 1, total if opened else Const(total), *inputs], 3,
                 num_heads=heads, kv_num_heads=kv, **attributes)

    def test_group_query(self):
        angles = RNG.uniform(0, 6, (16, 8))
        caches = [np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)]
        self.group_query([5, 5], 5, 5, 0)
        self.group_query([7, 7], 7, 1, 6)
        self.group_query([7, 7], 7, 1, 6, inputs=caches, do_rotary=1)
        self.group_query([5, 5], 5, 5, 0, inputs=caches, do_rotary=1, rotary_interleaved=1)
        self.group_query([9, 9], 9, 1, 8, local_window_size=4)
        self.group_query([6, 6], 6, 6, 0, local_window_size=2, softcap=5.0)
        self.group_query([7], 7, 1, 12, opened=False)        # a past with room to spare
        self.add("GroupQueryAttention", [f32(1, 3, 8 * 16), None, None, None, None, np.array([2], np.int32),
                                         np.array(3, np.int32), *caches], 3, num_heads=4, kv_num_heads=2, do_rotary=1)
        self.check()

    def test_rotary(self):
        angles = RNG.uniform(0, 6, (16, 4))
        caches = [np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)]
        ids = RNG.integers(0, 16, (2, 3))
        self.add("RotaryEmbedding", [f32(2, 3, 16), ids, *caches])
        self.add("RotaryEmbedding", [f32(2, 3, 16), np.array([5], np.int64), *caches], interleaved=1)
        self.add("RotaryEmbedding", [f32(2, 2, 3, 8), ids, *caches])
        self.add("RotaryEmbedding", [f32(2, 3, 24), ids, *caches], num_heads=2, rotary_embedding_dim=8)
        self.check()


class Quantized(Contrib):
    def scale(self, value):
        return Const(value, np.float32)

    def test_elementwise(self):
        for make, zero in ((u8, np.uint8(120)), (i8, np.int8(-5))):
            x, y, z = make(3, 4), make(3, 4), Const(zero)
            a = [x, self.scale(0.02), z]
            for op in ("QLinearAdd", "QLinearMul"):
                self.add(op, [*a, y, self.scale(0.03), z, self.scale(0.05), z], off=1)
            self.add("QLinearSigmoid", [*a, self.scale(1 / 256), z], off=1)
            self.add("QLinearLeakyRelu", [*a, self.scale(0.02), z], alpha=0.1, off=1)
            self.add("QLinearConcat", [self.scale(0.04), z, *a, y, self.scale(0.03), z], axis=1, off=1)
        self.add("QLinearSoftmax", [u8(3, 6), self.scale(0.02), Const(np.uint8(7)), self.scale(1 / 256),
                                    Const(np.uint8(0))], axis=-1, opset=13, off=1)
        self.check()

    def test_pools(self):
        for last in (0, 1):
            x = [u8(1, 6, 5, 4), self.scale(0.02), Const(np.uint8(100)), self.scale(0.03), Const(np.uint8(90))]
            self.add("QLinearAveragePool", x, kernel_shape=[2, 3], strides=[2, 1], pads=[0, 1, 1, 0],
                     channels_last=last, off=1)
            self.add("QLinearGlobalAveragePool", x, channels_last=last, off=1)
        self.check()

    def test_products(self):
        self.add("MatMulIntegerToFloat", [u8(2, 3, 8), Const(u8(8, 5)), self.scale(0.02), self.scale(0.03),
                                          Const(np.uint8(120)), Const(np.uint8(127)), Const(f32(5))])
        self.add("MatMulIntegerToFloat", [u8(3, 8), Const(i8(8, 5)), self.scale(0.02), Const(f32(5) ** 2),
                                          Const(np.uint8(120))])
        self.add("DynamicQuantizeMatMul", [f32(3, 8), Const(i8(8, 5)), self.scale(0.03), Const(np.int8(3)), Const(f32(5))])
        self.add("DynamicQuantizeMatMul", [f32(3, 8), Const(u8(8, 5)), self.scale(0.03)])
        self.check()

    def test_few_bits(self):
        n, k, block = 6, 40, 16
        blocks = 3
        for bits in (4, 8):
            b = Const(u8(n, blocks, block * bits // 8))
            scales = Const(np.abs(f32(n, blocks)) * np.float32(0.1))
            zeros = Const(u8(n, (blocks * bits + 7) // 8))
            for inputs in ([f32(2, k), b, scales], [f32(2, 3, k), b, scales, zeros],
                           [f32(2, k), b, scales, None, None, Const(f32(n))]):
                self.add("MatMulNBits", inputs, K=k, N=n, bits=bits, block_size=block)
        self.check()

    def test_attention(self):
        self.add("QAttention", [u8(2, 4, 8), Const(i8(8, 24)), Const(f32(24)), self.scale(0.01), self.scale(0.01),
                                np.array([[1, 1, 1, 0], [1, 1, 1, 1]], np.int32), Const(np.uint8(128)),
                                Const(np.int8(0))], num_heads=2)
        self.check()

    def test_lstm(self):
        self.add("DynamicQuantizeLSTM",
                 [f32(5, 2, 4), Const(i8(1, 4, 12)), Const(i8(1, 3, 12)), Const(f32(1, 24)), None, None, None, None,
                  Const([0.01], np.float32), Const([0], np.int8), Const([0.01], np.float32), Const([0], np.int8)], 3,
                 hidden_size=3)
        self.check(rtol=0, atol_scaled=0.03)        # ONNX Runtime quantizes the input and the state too


if __name__ == "__main__":
    common.main()
