#!/usr/bin/env python3
"""Sizes that the data decides while a model runs: small models in ONNX's text form against ONNX Runtime, several runs
of one compile, and limits in place of memory without end."""
import shutil

import numpy as np
import onnx.numpy_helper
import onnx.parser

import common

HEAD = '<ir_version: 9, opset_import: ["" : %d]>\n'


def f32(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def i64(*values):
    return np.array(values, np.int64)


def i64s(value):
    return np.array(value, np.int64)


class DataSizes(common.Case):
    def model(self, text, opset=18):
        path = self.work / "model.onnx"
        onnx.save(onnx.parser.parse_model(HEAD % opset + text), str(path))
        return path

    def check(self, text, *feeds, opset=18, options=()):
        """One compile, a run of one context for each of `feeds`, with and without generated kernels."""
        path = self.model(text, opset)
        for old in self.work.glob("test_data_set_*"):
            shutil.rmtree(old)
        for number, feed in enumerate(feeds):
            folder = self.work / ("test_data_set_%d" % number)
            folder.mkdir()
            for kind, values in (("input", feed.values()), ("output", common.reference(path, feed))):
                for k, value in enumerate(values):
                    tensor = onnx.numpy_helper.from_array(np.asarray(value))
                    (folder / ("%s_%d.pb" % (kind, k))).write_bytes(tensor.SerializeToString())
        for extra in ((), ("--no-generated",)):
            self.succeed(common.ingot("verify", self.work, *extra, *options))

    def refuse(self, text, feed, words, code, *options, opset=18):
        out = self.compile(self.model(text, opset), self.work / "artifact", "--emit=so", *options)
        arguments = []
        for name, value in feed.items():
            np.save(self.work / (name + ".npy"), value)
            arguments += ["--input", "%s=@%s" % (name, self.work / (name + ".npy"))]
        done = common.ingot("run", out / "model.so", *arguments)
        self.assertIn(done.returncode, (2, 3) if code is None else (code,), done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_a_range_and_what_is_made_of_it(self):
        self.check("""m (int64 n) => (int64[k] y, float[k] z) {
            zero = Constant<value_int: int = 0>()
            one = Constant<value_int: int = 1>()
            y = Range(zero, n, one)
            f = Cast<to = 1>(y)
            z = Sqrt(f)
        }""", {"n": i64s(5)}, {"n": i64s(0)}, {"n": i64s(70000)}, {"n": i64s(3)})

    def test_a_value_read_through_a_fixed_view_of_one_that_grows(self):
        self.check("""m (int64 n) => (float[2] y) {
            zero = Constant<value_int: int = 0>()
            one = Constant<value_int: int = 1>()
            r = Range(zero, n, one)
            f = Cast<to = 1>(r)
            s = Constant<value_ints = [1]>()
            e = Constant<value_ints = [3]>()
            part = Slice(f, s, e)
            y = Neg(part)
        }""", {"n": i64s(3)}, {"n": i64s(100000)})

    def test_nonzero_of_a_value_whose_size_is_decided_too(self):
        self.check("""m (int64 n, float[4] x) => (int64[1, k] y, int64[2, j] z) {
            shape = Constant<value_ints = [-1]>()
            list = Reshape(n, shape)
            four = Constant<value_ints = [4]>()
            dims = Concat<axis = 0>(list, four)
            wide = Expand(x, dims)
            z = NonZero(wide)
            y = NonZero(x)
        }""", {"n": i64s(3), "x": np.array([0, 1, 0, 2], np.float32)},
                   {"n": i64s(1), "x": np.array([0, 0, 0, 0], np.float32)},
                   {"n": i64s(1000), "x": np.array([1, 1, 0, 2], np.float32)})

    def test_a_rest_that_is_larger_the_less_the_data_decides(self):
        self.check("""m (float[8] x, bool[8] keep) => (float[k] y) {
            kept = Compress<axis = 0>(x, keep)
            s = Shape(kept)
            end = Constant<value_ints = [8]>()
            y = Slice(x, s, end)
        }""", {"x": f32(8), "keep": np.array([1, 0, 0, 0, 0, 0, 0, 0], bool)},
                   {"x": f32(8), "keep": np.ones(8, bool)}, {"x": f32(8), "keep": np.zeros(8, bool)})

    def test_depth_of_one_hot(self):
        self.check("""m (int64[3] i, int64 depth, float[2] values) => (float[3, d] y) {
            y = OneHot(i, depth, values)
        }""", *({"i": i64(0, 2, 1), "depth": i64s(d), "values": f32(2)} for d in (3, 1000, 4)))

    def test_reductions_of_vectors(self):
        self.check("""m (float[7] x) => (float y, float[1] z) {
            y = ReduceMax<keepdims = 0>(x)
            z = ReduceSum(x)
        }""", {"x": f32(7)})

    def test_reductions_over_axes_that_are_data(self):
        for kind in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare"):
            with self.subTest(kind=kind):
                self.check("""m (float[2, 3, 4] x, int64[n] axes, int64[2] two) => (float[a, b, c] y, float[d] z) {
                    y = Reduce%s(x, axes)
                    z = Reduce%s<keepdims = 0>(x, two)
                }""" % (kind, kind), {"x": np.abs(f32(2, 3, 4)), "axes": i64(1), "two": i64(0, 2)},
                           {"x": np.abs(f32(2, 3, 4)), "axes": i64(-1, 0), "two": i64(1, -1)},
                           {"x": np.abs(f32(2, 3, 4)), "axes": i64(), "two": i64(0, 1)})

    def test_shapes_with_zeros_and_a_rest_that_are_data(self):
        self.check("""m (float[2, 3, 4] x, int64[3] shape) => (float[a, b, c] y) {
            y = Reshape(x, shape)
        }""", *({"x": f32(2, 3, 4), "shape": i64(*s)} for s in ((4, 3, 2), (0, -1, 2), (-1, 3, 1), (2, 0, 0), (1, 1, 24))))
        self.check("""m (float[0, 3] x, int64[2] shape) => (float[a, b] y) {
            y = Reshape<allowzero = 1>(x, shape)
        }""", *({"x": f32(0, 3), "shape": i64(*s)} for s in ((0, 3), (7, 0))))
        self.check("""m (float[2, 3, 4] x, int64 n) => (float[a, b, c] y) {
            minus = Constant<value_ints = [-1]>()
            list = Reshape(n, minus)
            two = Constant<value_ints = [2]>()
            shape = Concat<axis = 0>(list, minus, two)
            y = Reshape(x, shape)
        }""", {"x": f32(2, 3, 4), "n": i64s(4)}, {"x": f32(2, 3, 4), "n": i64s(0)})
        text = "m (float[2, 3] x, int64[2] shape) => (float[a, b] y) { y = Reshape(x, shape) }"
        for shape in ((-1, -1), (4, 2), (-2, 3)):
            self.refuse(text, {"x": f32(2, 3), "shape": i64(*shape)}, ("Reshape",), 2)

    def test_expanding_to_a_shape_that_is_data(self):
        text = """m (float[3, 1] x, float[p, q] w, int64[3] shape) => (float[a, b, c] y, float[d, e, f] z) {
            y = Expand(x, shape)
            z = Expand(w, shape)
        }"""
        feed = {"x": f32(3, 1), "w": f32(3, 4)}
        self.check(text, *({**feed, "shape": i64(*s)} for s in ((2, 3, 4), (1, 1, 4), (5, 3, 1), (0, 1, 1))),
                   options=("--dynamic",))
        self.refuse(text, {**feed, "shape": i64(2, 5, 4)}, ("Expand", "3"), 2)

    def test_resizing_by_scales_and_sizes_that_are_data(self):
        for mode in ("nearest", "linear", "cubic"):
            for more in ("", ", antialias = 1", ', coordinate_transformation_mode = "asymmetric"'):
                if mode == "nearest" and "antialias" in more:
                    continue
                with self.subTest(mode=mode, more=more):
                    self.check("""m (float[1, 1, 6, 5] x, float[4] scales, int64[4] sizes, float[2] some)
                                  => (float[a, b, c, d] y, float[e, f, g, h] z, float[i, j, k, l] w) {
                        y = Resize<mode = "%s"%s>(x, , scales)
                        z = Resize<mode = "%s"%s>(x, , , sizes)
                        w = Resize<mode = "%s", axes = [3, 2]%s>(x, , some)
                    }""" % ((mode, more) * 3), *({"x": f32(1, 1, 6, 5), "scales": np.array((1, 1) + s, np.float32),
                                                  "sizes": i64(1, 1, *t), "some": np.array(s, np.float32)}
                                                 for s, t in (((2, 2), (3, 7)), ((0.5, 0.8), (12, 2)), ((1.25, 1.6), (6, 5)))),
                               opset=19)

    def test_resizing_that_keeps_the_aspect(self):
        for policy in ("not_larger", "not_smaller"):
            self.check("""m (float[1, 1, 6, 4] x, int64[2] sizes) => (float[a, b, c, d] y) {
                y = Resize<mode = "linear", axes = [2, 3], keep_aspect_ratio_policy = "%s">(x, , , sizes)
            }""" % policy, {"x": f32(1, 1, 6, 4), "sizes": i64(12, 9)}, {"x": f32(1, 1, 6, 4), "sizes": i64(3, 3)},
                       opset=19)

    def test_cropping_or_padding_to_sizes_that_are_data(self):
        text = """m (float[5, 6] x, int64[2] sizes) => (float[a, b] y) { y = CenterCropPad(x, sizes) }"""
        path = self.model(text)
        x = f32(5, 6)
        for a, b in ((5, 6), (3, 9), (8, 1), (0, 7), (4, 4)):
            want = np.zeros((a, b), np.float32)     # ONNX Runtime does not have this operator
            at, to = [], []
            for have, wanted in zip(x.shape, (a, b)):
                less, more = max(have - wanted, 0) // 2, max(wanted - have, 0) // 2
                at.append(slice(less, less + min(have, wanted)))
                to.append(slice(more, more + min(have, wanted)))
            want[tuple(to)] = x[tuple(at)]
            self.compare(self.run_model(path, {"x": x, "sizes": i64(a, b)}), [want], "%d x %d" % (a, b))

    def test_tiles_of_many_axes(self):
        self.check("""m (float[2, 3, 1, 2] x, int64[4] r, float[1, 2, 1, 2, 3] w, int64[5] s)
                      => (float[a, b, c, d] y, float[e, f, g, h, i] z) {
            y = Tile(x, r)
            z = Tile(w, s)
        }""", {"x": f32(2, 3, 1, 2), "r": i64(2, 1, 3, 2), "w": f32(1, 2, 1, 2, 3), "s": i64(2, 2, 1, 3, 2)},
                   {"x": f32(2, 3, 1, 2), "r": i64(1, 0, 3, 2), "w": f32(1, 2, 1, 2, 3), "s": i64(1, 1, 1, 1, 1)})

    def test_no_axes_may_mean_none(self):
        self.check("""m (float[2, 3] x, int64[n] axes, int64[0] empty) => (float[a, b] y, float[2, 3] z) {
            y = ReduceL1<noop_with_empty_axes = 1>(x, axes)
            z = ReduceSumSquare<noop_with_empty_axes = 1, keepdims = 0>(x, empty)
        }""", {"x": f32(2, 3), "axes": i64(1), "empty": i64()}, opset=18)

    def test_axes_of_squeeze_unsqueeze_pad_and_cumsum_that_are_data(self):
        self.check("""m (float[2, 1, 3, 1] x, int64[2] axes, int64[4] pads, int64 axis)
                      => (float[a, b] y, float[c, d, e, f, g, h] z, float[i, j, k, l] p, float[2, 1, 3, 1] s) {
            y = Squeeze(x, axes)
            z = Unsqueeze(x, axes)
            p = Pad(x, pads, , axes)
            s = CumSum(x, axis)
        }""", {"x": f32(2, 1, 3, 1), "axes": i64(1, 3), "pads": i64(1, 0, 0, 2), "axis": i64s(2)},
                   {"x": f32(2, 1, 3, 1), "axes": i64(-1, 1), "pads": i64(1, 2, 3, 4), "axis": i64s(-4)})

    def test_axes_of_the_data_that_do_not_fit(self):
        text = """m (float[2, 1, 1] x, int64[2] axes) => (float[a] y) {
            y = %s(x, axes)
        }"""
        for op, axes, words in (("Squeeze", i64(1, 1), ("==",)), ("Squeeze", i64(0, 1), ("==",)),
                                ("Unsqueeze", i64(0, 7), ("7",)), ("Unsqueeze", i64(1, 1), ("Unsqueeze",)),
                                ("ReduceSum<keepdims = 0>", i64(0, 3), ("axis 3",)),
                                ("ReduceSum<keepdims = 0>", i64(1, -2), ("twice",))):
            with self.subTest(op=op, axes=axes):
                self.refuse(text % op if "Un" not in op else (text % op).replace("float[a]", "float[a, b, c, d, e]"),
                            {"x": f32(2, 1, 1), "axes": axes}, words, 3 if "twice" in words or "axis 3" in words else None)

    def test_facts_of_a_branch_count_when_it_runs(self):
        text = """m (bool c, float[a] x, float[b] y) => (float[k] z) {
            z = If (c) <then_branch = t () => (float[i] u) { u = Add(x, y) },
                        else_branch = e () => (float[j] v) { v = Neg(x) }>
        }"""
        yes, no = np.array(True), np.array(False)
        self.check(text, {"c": no, "x": f32(3), "y": f32(5)}, {"c": no, "x": f32(4), "y": f32(4)},
                   {"c": yes, "x": f32(4), "y": f32(4)}, options=("--dynamic",))
        self.refuse(text, {"c": yes, "x": f32(3), "y": f32(5)}, ("Add", "a and b to be equal, or one of them 1", "3 and 5"), 2)

    def test_facts_of_a_loop_are_checked_in_each_iteration(self):
        text = """m (int64 n, int64[4] lengths, int64 zero) => (float s) {
            one = Constant<value_int: int = 1>()
            true = Constant<value: tensor = bool {1}>()
            start = Constant<value_float = 0.0>()
            s = Loop (n, true, start) <body = b (int64 i, bool go, float sum) => (bool again, float total) {
                again = Identity(go)
                length = Gather(lengths, i)
                a = Range(zero, length, one)
                j = Add(i, one)
                b = Range(zero, j, one)
                c = Mul(a, b)
                d = Cast<to = 1>(c)
                e = ReduceSum<keepdims = 0>(d)
                total = Add(sum, e)
            }>
        }"""
        feed = {"n": i64s(4), "lengths": i64(1, 2, 3, 4), "zero": i64s(0)}
        self.check(text, feed, {**feed, "n": i64s(0)}, {**feed, "n": i64s(2), "lengths": i64(1, 2, 9, 9)})
        self.refuse(text, {**feed, "lengths": i64(1, 2, 7, 4)}, ("Mul", "7 and 3"), 2)

    def test_carried_values_that_grow_shrink_and_change_places(self):
        self.check("""m (int64 n, float[k] x, float[2, 3] a, float[2, 4] b)
                      => (int64[g] grown, float[s] shrunk, float[c, d] p, float[e, f] q) {
            true = Constant<value: tensor = bool {1}>()
            start = Constant<value_ints = [7]>()
            grown, shrunk, p, q = Loop (n, true, start, x, a, b) <body = body
                (int64 i, bool go, int64[l] list, float[m] rest, float[t, u] one, float[v, w] two)
                => (bool again, int64[l2] longer, float[m2] shorter, float[t2, u2] left, float[v2, w2] right) {
                again = Identity(go)
                minus = Constant<value_ints = [-1]>()
                item = Reshape(i, minus)
                longer = Concat<axis = 0>(list, item)
                first = Constant<value_ints = [1]>()
                end = Constant<value_ints = [1000000]>()
                shorter = Slice(rest, first, end)
                left = Identity(two)
                right = Neg(one)
            }>
        }""", *({"n": i64s(n), "x": f32(k), "a": f32(2, 3), "b": f32(2, 4)}
                for n, k in ((0, 3), (1, 3), (2, 3), (5, 3), (3000, 4000), (2, 2))), options=("--dynamic",))

    def test_what_a_loop_collects(self):
        text = """m (%sfloat limit, float[3] x) => (float total, float[t] sums, float[u, 3] rows, int64[v, w, z] places) {
            start = Constant<value_float = 0.0>()
            true = Constant<value: tensor = bool {1}>()
            total, sums, rows, places = Loop (%s, true, start) <body = body (int64 i, bool go, float sum)
                => (bool again, float next, float same, float[3] row, int64[1, j] where) {
                one = Constant<value_float = 1.0>()
                next = Add(sum, one)
                same = Identity(next)
                row = Mul(x, next)
                where = NonZero(x)
                again = Less(next, limit)
            }>
        }"""
        feeds = [{"limit": np.array(v, np.float32), "x": np.array([1, 0, 2], np.float32)} for v in (3, 1, 1000, 2)]
        self.check(text % ("", '""'), *feeds)
        counted = [{"n": i64s(n), **feed} for n, feed in zip((2, 5, 700, 0, -4), feeds[:3] + [feeds[0]] * 2)]
        self.check(text % ("int64 n, ", "n"), *counted[:3])
        plain = text.replace(", int64[v, w, z] places", "").replace(", places", "").replace(", int64[1, j] where", "")
        plain = plain.replace("where = NonZero(x)", "")
        self.check(plain % ("int64 n, ", "n"), *counted)
        self.check((plain % ("int64 n, ", "n")).replace("again = Less(next, limit)", "again = Identity(go)"), *counted)

    def test_a_loop_that_collects_values_of_different_sizes(self):
        text = """m (int64 n, int64 zero) => (int64[a, b] rows) {
            true = Constant<value: tensor = bool {1}>()
            rows = Loop (n, true) <body = body (int64 i, bool go) => (bool again, int64[j] row) {
                again = Identity(go)
                one = Constant<value_int: int = 1>()
                row = Range(zero, i, one)
            }>
        }"""
        self.refuse(text, {"n": i64s(3), "zero": i64s(0)}, ("Loop", "0 and 1"), 2)

    def test_a_loop_in_a_loop(self):
        self.check("""m (int64 n, int64[3] lengths) => (int64[t] all, int64[3] sums) {
            true = Constant<value: tensor = bool {1}>()
            three = Constant<value_int: int = 3>()
            none = Constant<value: tensor = int64[0] {}>()
            all, sums = Loop (three, true, none) <body = outer (int64 i, bool go, int64[l] list)
                => (bool again, int64[l2] longer, int64 sum) {
                again = Identity(go)
                length = Gather(lengths, i)
                zero = Constant<value_int: int = 0>()
                sum, squares = Loop (length, true, zero) <body = inner (int64 k, bool on, int64 s)
                    => (bool still, int64 s2, int64 square) {
                    still = Identity(on)
                    s2 = Add(s, k)
                    t = Mul(k, k)
                    square = Add(t, n)
                }>
                longer = Concat<axis = 0>(list, squares)
            }>
        }""", {"n": i64s(1), "lengths": i64(2, 0, 4)}, {"n": i64s(5), "lengths": i64(0, 0, 0)},
                   {"n": i64s(2), "lengths": i64(50, 3, 500)})

    def test_scans(self):
        for axes in ("", "scan_input_axes = [1, 0], scan_output_axes = [-1, 1]",
                     "scan_input_directions = [1, 0], scan_output_directions = [0, 1]",
                     "scan_input_axes = [-1, -2], scan_output_axes = [1, 0], scan_output_directions = [1, 1]"):
            with self.subTest(axes=axes):
                self.check("""m (float[2] s, float[l, l] x, float[l, l] y) => (float[2] last, float[a, b] p, float[c, d] q) {
                    last, p, q = Scan <num_scan_inputs = 2%s, body = body (float[2] state, float[l] xi, float[l] yi)
                        => (float[2] new, float[l] pi, float[2] qi) {
                        half = Constant<value_float = 0.5>()
                        new = Mul(state, half)
                        pi = Add(xi, yi)
                        qi = Neg(new)
                    }> (s, x, y)
                }""" % (axes and ", " + axes), {"s": f32(2), "x": f32(4, 4, seed=1), "y": f32(4, 4, seed=2)},
                           {"s": f32(2), "x": f32(9, 9, seed=1), "y": f32(9, 9, seed=2)}, options=("--dynamic",))

    def test_scans_over_a_batch(self):
        self.check("""m (float[b, 2] s, float[b, l, 2] x) => (float[b, 2] last, float[b, l, 2] all) {
            last, all = Scan <num_scan_inputs = 1, directions = [1], body = body (float[2] state, float[2] item)
                => (float[2] new, float[2] out) {
                new = Add(state, item)
                out = Neg(new)
            }> (, s, x)
        }""", {"s": f32(3, 2), "x": f32(3, 4, 2, seed=1)}, {"s": f32(1, 2), "x": f32(1, 7, 2, seed=1)}, opset=8,
                   options=("--dynamic",))

    def test_branches_of_different_shapes(self):
        self.check("""m (bool c, float[a, 3] x, int64 n) => (float[i, j] z) {
            z = If (c) <then_branch = t () => (float[k, l] u) {
                            one = Constant<value_ints = [-1]>()
                            m = Reshape(n, one)
                            three = Constant<value_ints = [3]>()
                            s = Concat<axis = 0>(three, m)
                            y = Constant<value_float = 2.0>()
                            u = Expand(y, s) },
                        else_branch = e () => (float[o, p] v) { v = Neg(x) }>
        }""", {"c": np.array(True), "x": f32(2, 3), "n": i64s(5)}, {"c": np.array(False), "x": f32(2, 3), "n": i64s(5)},
                   {"c": np.array(True), "x": f32(2, 3), "n": i64s(0)}, {"c": np.array(True), "x": f32(5, 3), "n": i64s(900)},
                   options=("--dynamic",))

    def test_a_value_over_the_memory_there_is(self):
        text = """m (int64 n) => (float[a, b] y) {
            minus = Constant<value_ints = [-1]>()
            s = Reshape(n, minus)
            dims = Concat<axis = 0>(s, s)
            one = Constant<value_float = 1.0>()
            x = Expand(one, dims)
            y = Neg(x)
        }"""
        self.refuse(text, {"n": i64s(2 ** 30)}, ("bytes", "may use"), 6)
        self.refuse(text, {"n": i64s(2 ** 33)}, ("8589934592",), 2)
        self.refuse(text, {"n": i64s(-1)}, ("-1",), 2)

    def test_sizes_of_inputs_over_the_memory_there_is(self):
        self.refuse("m (float[n, 1] x) => (float[n, n] y) { t = Transpose<perm = [1, 0]>(x) y = MatMul(x, t) }",
                    {"x": np.zeros((2000000, 1), np.float32)}, ("16000000000000", "may use"), 6)
        self.refuse("""m (float[n, 1] x) => (float y) {
            t = Transpose<perm = [1, 0]>(x)
            z = MatMul(x, t)
            y = ReduceMax<keepdims = 0>(z)
        }""", {"x": np.zeros((2000000, 1), np.float32)}, ("16000000000000", "may use"), 6)

    def test_working_memory_over_its_limit(self):
        text = """m (int64 n) => (float y) {
            zero = Constant<value_int: int = 0>()
            one = Constant<value_int: int = 1>()
            r = Range(zero, n, one)
            f = Cast<to = 1>(r)
            g = CumSum(f, zero)
            y = ReduceSum<keepdims = 0>(g)
        }"""
        self.refuse(text, {"n": i64s(1000000)}, ("--max-workspace", "1000000"), 6, "--max-workspace", "1000000")


if __name__ == "__main__":
    common.main()
