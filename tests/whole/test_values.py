#!/usr/bin/env python3
"""Sequences, optionals, strings and values whose rank only a run knows, against ONNX Runtime: compiled for the shapes
at hand, with free sizes, and as an artifact."""
import shutil

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save_model

import common

FLOAT, INT64, STRING, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING, TensorProto.BOOL
node = helper.make_node


def tensor(name, dtype, shape=None):
    return helper.make_tensor_value_info(name, dtype, shape)


def sequence(name, dtype, shape=None):
    inner = helper.make_tensor_type_proto(dtype, shape)
    return helper.make_value_info(name, helper.make_sequence_type_proto(inner))


def constant(name, value):
    value = np.asarray(value)
    if value.dtype.kind in "OU":
        return helper.make_tensor(name, STRING, value.shape, [t.encode() for t in value.flat])
    return numpy_helper.from_array(value, name)


def texts(*values):
    return np.array(values, dtype=object)


def if_node(condition, output, then_node, else_node):
    """An If whose branches are a node each, results `t` and `e`."""
    branches = {"then_branch": helper.make_graph([then_node], "then", [], [tensor("t", FLOAT)]),
                "else_branch": helper.make_graph([else_node], "else", [], [tensor("e", FLOAT)])}
    return node("If", [condition], [output], **branches)


def to_proto(name, value):
    return (numpy_helper.from_list if isinstance(value, list) else numpy_helper.from_array)(value, name)


class Values(common.Case):
    def check(self, nodes, inputs, outputs, feeds, constants=(), opset=19, ml=False):
        """The model agrees with ONNX Runtime in each way of compiling it."""
        graph = helper.make_graph(nodes, "values", inputs, outputs, [constant(k, v) for k, v in constants])
        opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid("ai.onnx.ml", 2)] if ml else [])
        case = self.work / "case"
        for folder in (case, self.work / "artifact"):
            shutil.rmtree(folder, ignore_errors=True)
        (case / "test_data_set_0").mkdir(parents=True)
        save_model(helper.make_model(graph, opset_imports=opsets, ir_version=9), str(case / "model.onnx"))
        results = common.reference(case / "model.onnx", feeds)
        values = [("input", k, feeds[v.name]) for k, v in enumerate(inputs)]
        values += [("output", k, v) for k, v in enumerate(results)]
        for kind, k, value in values:
            path = case / "test_data_set_0" / ("%s_%d.pb" % (kind, k))
            path.write_bytes(to_proto(kind, value).SerializeToString())
        self.succeed(common.ingot("verify", case))
        self.succeed(common.ingot("verify", "--dynamic", case))
        out = self.compile(case / "model.onnx", self.work / "artifact", "--emit=so")
        shutil.copytree(case / "test_data_set_0", out / "test_data_set_0", dirs_exist_ok=True)
        self.succeed(common.ingot("verify", out / "model.so"))

    def test_branches_of_different_rank(self):
        nodes = [if_node("c", "y", node("Identity", ["x"], ["t"]), node("Reshape", ["x", "shape"], ["e"])),
                 node("Add", ["y", "one"], ["z"]), node("Shape", ["z"], ["s"]),
                 node("ReduceSum", ["z"], ["r"], keepdims=0), node("Transpose", ["z"], ["t"]),
                 node("Clip", ["t", "one", "two"], ["clipped"]), node("Unsqueeze", ["z", "axis"], ["u"]),
                 node("Squeeze", ["u"], ["q"]), node("Reshape", ["y", "rows"], ["p"]),
                 node("MatMul", ["p", "w"], ["m"]), node("Concat", ["p", "m"], ["pm"], axis=1),
                 node("Gather", ["y", "axis"], ["g"]), node("Slice", ["y", "axis", "ends"], ["sl"])]
        outputs = [tensor(n, INT64 if n == "s" else FLOAT) for n in ("s", "r", "clipped", "q", "m", "pm", "g", "sl")]
        constants = [("shape", [3, 2, 2]), ("one", np.float32(1)), ("two", np.float32(2)), ("axis", [0]),
                     ("rows", [-1, 3]), ("w", np.ones((3, 5), np.float32)), ("ends", [1])]
        for condition in (True, False):
            self.check(nodes, [tensor("c", BOOL, []), tensor("x", FLOAT, [2, 6])], outputs,
                       {"c": np.array(condition), "x": np.arange(12, dtype=np.float32).reshape(2, 6)}, constants)

    def test_sizes_that_leave_the_rank_open(self):
        x = np.arange(12, dtype=np.float32)
        self.check([node("Squeeze", ["x"], ["y"]), node("Mul", ["y", "y"], ["z"])], [tensor("x", FLOAT, ["a", 3, "b"])],
                   [tensor("z", FLOAT)], {"x": x.reshape(1, 3, 4)})
        self.check([node("NonZero", ["m"], ["picked"]), node("Reshape", ["picked", "flat"], ["list"]),
                    node("Gather", ["sizes", "list"], ["shape"]), node("Reshape", ["x", "shape"], ["y"]),
                    node("Exp", ["y"], ["z"])], [tensor("x", FLOAT, [12]), tensor("m", BOOL, [4])],
                   [tensor("z", FLOAT)], {"x": x / 12, "m": np.array([True, True, False, True])},
                   [("flat", [-1]), ("sizes", [3, 2, 7, 2])])

    def test_inputs_of_any_rank(self):
        self.check([node("Relu", ["x"], ["r"]), node("Conv", ["r", "w"], ["c"]), node("LogSoftmax", ["x"], ["s"]),
                    node("Flatten", ["x"], ["f"], axis=2), node("Gemm", ["f", "g"], ["y"])], [tensor("x", FLOAT)],
                   [tensor("c", FLOAT), tensor("s", FLOAT), tensor("y", FLOAT)],
                   {"x": np.linspace(-1, 1, 100, dtype=np.float32).reshape(2, 2, 5, 5)},
                   [("w", np.full((3, 2, 3, 3), 0.5, np.float32)), ("g", np.ones((25, 4), np.float32))])

    def test_a_loop_whose_value_grows(self):
        body = helper.make_graph([node("Concat", ["a", "b"], ["a2"], axis=0), node("Identity", ["c"], ["c2"])], "body",
                                 [tensor("i", INT64, []), tensor("c", BOOL, []), tensor("a", FLOAT)],
                                 [tensor("c2", BOOL, []), tensor("a2", FLOAT)])
        for trips in (0, 1, 5):
            self.check([node("Loop", ["n", "", "x"], ["y"], body=body), node("MatMul", ["y", "w"], ["z"])],
                       [tensor("n", INT64, []), tensor("x", FLOAT, [2, 3]), tensor("b", FLOAT, [1, 3])],
                       [tensor("y", FLOAT), tensor("z", FLOAT)],
                       {"n": np.array(trips), "x": np.ones((2, 3), np.float32), "b": np.full((1, 3), 3, np.float32)},
                       [("w", np.eye(3, dtype=np.float32))])

    def test_sequences(self):
        a, b = np.ones((1, 2, 5, 5), np.float32), np.arange(84, dtype=np.float32).reshape(1, 2, 7, 6)
        self.check([node("SequenceInsert", ["s", "a", "i"], ["s2"]), node("SequenceErase", ["s2", "zero"], ["s3"]),
                    node("SequenceAt", ["s3", "i"], ["e"]), node("SequenceLength", ["s2"], ["l"]),
                    node("Conv", ["e", "w"], ["y"])],
                   [sequence("s", FLOAT, [1, 2, None, None]), tensor("a", FLOAT, a.shape), tensor("i", INT64, [])],
                   [sequence("s3", FLOAT), tensor("l", INT64, []), tensor("y", FLOAT)],
                   {"s": [a, b], "a": a, "i": np.array(-1)},
                   [("zero", 0), ("w", np.full((3, 2, 3, 3), 0.5, np.float32))])
        x = np.arange(24, dtype=np.float32).reshape(6, 4)
        for axis, stack, known in ((0, 0, False), (-1, 1, False), (1, 0, True), (2, 1, True)):
            size = tensor("n", INT64, [])
            self.check([node("SplitToSequence", ["x", "two" if known else "n"], ["s"], axis=0),
                        node("ConcatFromSequence", ["s"], ["y"], axis=axis, new_axis=stack)],
                       [tensor("x", FLOAT, [6, 4])] + ([] if known else [size]), [tensor("y", FLOAT)],
                       {"x": x} if known else {"x": x, "n": np.array(2)}, [("two", 2)] if known else [])
        self.check([node("SequenceConstruct", ["x", "x"], ["s"]), node("SequenceAt", ["s", "i"], ["e"]),
                    node("SequenceInsert", ["s", "more"], ["s2"])], [tensor("x", STRING, [2]), tensor("i", INT64, [])],
                   [tensor("e", STRING), sequence("s2", STRING)], {"x": texts("p", ""), "i": np.array(1)},
                   [("more", texts("k1", "", "k3"))])

    def test_strings_move_like_numbers(self):
        self.check([node("Reshape", ["x", "shape"], ["r"]), node("Concat", ["r", "r"], ["c"], axis=1),
                    node("Gather", ["c", "picked"], ["g"], axis=1), node("Transpose", ["g"], ["t"]),
                    node("Where", ["m", "x", "k"], ["w"]), node("Equal", ["x", "k"], ["q"]),
                    node("Expand", ["x", "wide"], ["e"])], [tensor("x", STRING, [4])],
                   [tensor("t", STRING), tensor("w", STRING), tensor("q", BOOL), tensor("e", STRING)],
                   {"x": texts("a", "bb", "", "ccc")},
                   [("shape", [2, 2]), ("picked", [3, 0]), ("m", [True, False, True, False]),
                    ("k", texts("a", "X", "Y", "Z")), ("wide", [3, 4])])

    def test_casts_and_tables(self):
        self.check([node("Cast", ["x"], ["i"], to=INT64), node("Cast", ["i"], ["s"], to=STRING),
                    node("Cast", ["f"], ["fs"], to=STRING), node("Cast", ["fs"], ["g"], to=FLOAT)],
                   [tensor("x", STRING, [3]), tensor("f", FLOAT, [4])], [tensor("s", STRING), tensor("g", FLOAT)],
                   {"x": texts("12", "-7", "0"), "f": np.array([1.5, np.inf, np.nan, -0.1], np.float32)})
        labels = {"domain": "ai.onnx.ml"}
        self.check([node("LabelEncoder", ["x"], ["y"], keys_strings=["a", "b"], values_floats=[1., 2.],
                         default_float=-5., **labels),
                    node("CategoryMapper", ["x"], ["z"], cats_strings=["a", "b"], cats_int64s=[10, 20],
                         default_int64=-9, **labels)],
                   [tensor("x", STRING, [2, 2])], [tensor("y", FLOAT), tensor("z", INT64)],
                   {"x": texts("a", "q", "b", "").reshape(2, 2)}, ml=True)
        self.check([node("OneHotEncoder", ["x"], ["y"], cats_strings=["b", "", "a"], zeros=1, **labels),
                    node("OneHotEncoder", ["x"], ["z"], cats_strings=["a", "b", "q", ""], zeros=0, **labels)],
                   [tensor("x", STRING, [2, 2])], [tensor("y", FLOAT), tensor("z", FLOAT)],
                   {"x": texts("a", "q", "b", "").reshape(2, 2)}, ml=True)
        for mode in ("TF", "IDF", "TFIDF"):
            self.check([node("TfIdfVectorizer", ["x"], ["y"], mode=mode, min_gram_length=1, max_gram_length=2,
                             max_skip_count=1, ngram_counts=[0, 3], ngram_indexes=[0, 2, 1, 4, 3],
                             pool_strings=["a", "b", "c", "a", "b", "b", "c"], weights=[1., 2., 3., 4., 5.])],
                       [tensor("x", STRING, [2, 4])], [tensor("y", FLOAT)],
                       {"x": texts("a", "b", "c", "a", "b", "x", "c", "b").reshape(2, 4)})


if __name__ == "__main__":
    common.main()
