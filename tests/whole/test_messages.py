#!/usr/bin/env python3
"""What a user reads about a model that is wrong or not supported: every node with its operator, opset, types and shapes, the
rule that it breaks, and what would help. Exact texts: a change of them is reviewed."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

import common

BAD_MODEL, UNSUPPORTED = 3, 4
F = TensorProto.FLOAT
X, IMAGE = ("x", F, [2, 3]), ("x", F, [1, 3, 8, 8])
KERNEL = np.zeros((4, 3, 3, 3), np.float32)


def node(op_type, inputs, outputs, name, **attributes):
    return helper.make_node(op_type, inputs.split(), outputs.split(), name, **attributes)


def model(nodes, inputs=(X,), output=("y", F, None), constants=None, opset=17, domains=(), functions=()):
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info(*i) for i in inputs],
                              [helper.make_tensor_value_info(*output)],
                              [numpy_helper.from_array(np.asarray(v), n) for n, v in (constants or {}).items()])
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(*d) for d in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=9, functions=list(functions))


def branch(nodes, output):
    return helper.make_graph(nodes, "branch", [], [helper.make_tensor_value_info(output, F, None)])


# (exit code, message behind the file's name, model)
ONE = [
    (UNSUPPORTED, "1 node is not supported:\n  node 'act' (Frobnicate, opset 17): inputs f32[2,3]: not an operator that is "
     "known (`ingot info --operators` lists them)", model([node("Frobnicate", "x", "y", "act")])),
    (UNSUPPORTED, "1 node is not supported:\n  node 'act' (Gelu, opset 17): inputs f32[2,3]: known from opset 20 on: convert "
     "the model to a newer opset", model([node("Gelu", "x", "y", "act")])),
    (UNSUPPORTED, "1 node is not supported:\n  node 'act' (Relu, opset 99): inputs f32[2,3]: opset 99 is newer than 27, the "
     "newest known: export for that one", model([node("Relu", "x", "y", "act")], opset=99)),
    (UNSUPPORTED, "1 node is not supported:\n  node 'own' (org.example.Fancy, opset 1): inputs f32[2,3]: this operator is not "
     "known: export the model without it, or with a function in the model that defines it",
     model([node("Fancy", "x", "y", "own", domain="org.example")], domains=[("org.example", 1)])),
    (UNSUPPORTED, "1 node is not supported:\n  node 'zip' (ai.onnx.ml.ZipMap, opset 1): inputs f32[2,3]: maps are not a "
     "form of values here: give and take numbers as tensors, for ZipMap by an export without it (skl2onnx: "
     "options={'zipmap': False})",
     model([node("ZipMap", "x", "y", "zip", domain="ai.onnx.ml", classlabels_int64s=[1, 2, 3])], domains=[("ai.onnx.ml", 1)])),
    (BAD_MODEL, "node 'act' (com.microsoft.Gelu, opset 0): inputs f32[2,3]: the model does not import the domain "
     "'com.microsoft'", model([node("Gelu", "x", "y", "act", domain="com.microsoft")])),
    (BAD_MODEL, "node 'sum' (Add, opset 17): inputs f32[2,3], f32[4]: sizes that broadcast (equal, or one of them 1): 3 and 4 "
     "differ", model([node("Add", "x b", "y", "sum")], [X, ("b", F, [4])])),
    (BAD_MODEL, "node 'sum' (Add, opset 17): inputs f32[2,3], i64[3]: operands 0 and 1 have types f32 and i64, expected the "
     "same", model([node("Add", "x b", "y", "sum")], [X, ("b", TensorProto.INT64, [3])])),
    (BAD_MODEL, "node 'sum' (Add, opset 17): inputs f32[2,3]: takes 2 inputs, found 1", model([node("Add", "x", "y", "sum")])),
    (BAD_MODEL, "node 'act' (Relu, opset 17): inputs f32[2,3], f32[2,3]: takes 1 input, found 2",
     model([node("Relu", "x x", "y", "act")])),
    (BAD_MODEL, "node 'norm' (BatchNormalization, opset 17): inputs f32[2,3]: takes 5 inputs, found 1",
     model([node("BatchNormalization", "x", "y", "norm")])),
    (BAD_MODEL, "node 'clip' (Clip, opset 17): inputs f32[2,3], f32[2,3], f32[2,3], f32[2,3]: takes 1 to 3 inputs, found 4",
     model([node("Clip", "x x x x", "y", "clip")])),
    (BAD_MODEL, "node 'product' (MatMul, opset 17): inputs f32[2,3], f32[4,5]: the summed axis: 3 and 4 differ",
     model([node("MatMul", "x b", "y", "product")], [X, ("b", F, [4, 5])])),
    (BAD_MODEL, "node 'fc' (Gemm, opset 17): inputs f32[2,3], f32[3,4], f32[5]: ingot.add(tensor<2x4xf32>, tensor<5xf32>): "
     "sizes that broadcast (equal, or one of them 1): 4 and 5 differ",
     model([node("Gemm", "x b c", "y", "fc")], [X, ("b", F, [3, 4]), ("c", F, [5])])),
    (BAD_MODEL, "node 'fc' (Gemm, opset 17): inputs f32[1,3], f32[3,4], f32[5,4]: C is larger than the product",
     model([node("Gemm", "x b c", "y", "fc")], [("x", F, [1, 3]), ("b", F, [3, 4]), ("c", F, [5, 4])])),
    (BAD_MODEL, "node 'conv' (Conv, opset 17): inputs f32[1,3,8,8], f32[4,5,3,3]: channels and weights: 3 and 5 differ",
     model([node("Conv", "x w", "y", "conv")], [IMAGE], constants={"w": np.zeros((4, 5, 3, 3), np.float32)})),
    (BAD_MODEL, "node 'conv' (Conv, opset 17): inputs f32[3,8,8], f32[4,3,3,3]: weights of rank 4 for an input of rank 3",
     model([node("Conv", "x w", "y", "conv")], [("x", F, [3, 8, 8])], constants={"w": KERNEL})),
    (BAD_MODEL, "node 'conv' (Conv, opset 17): inputs f32[1,3,8,8], f32[4,3,3,3]: attribute 'strides' has 3 numbers, "
     "expected 2", model([node("Conv", "x w", "y", "conv", strides=[1, 1, 1])], [IMAGE], constants={"w": KERNEL})),
    (BAD_MODEL, "node 'flat' (Reshape, opset 17): inputs f32[2,3], i64[2]: ingot.reshape(tensor<2x3xf32>): elements before "
     "and after: 6 and 8 differ", model([node("Reshape", "x s", "y", "flat")], constants={"s": np.array([4, 2])})),
    (BAD_MODEL, "node 'flat' (Reshape, opset 17): inputs f32[2,3], i64[2]: more than one size is -1",
     model([node("Reshape", "x s", "y", "flat")], constants={"s": np.array([-1, -1])})),
    (BAD_MODEL, "node 'cat' (Concat, opset 17): inputs f32[2,3], f32[2,4]: sizes beside the axis: 3 and 4 differ",
     model([node("Concat", "x b", "y", "cat", axis=0)], [X, ("b", F, [2, 4])])),
    (BAD_MODEL, "node 'cat' (Concat, opset 17): inputs f32[2,3], f32[2,3]: axis 5 is outside a tensor of rank 2",
     model([node("Concat", "x x", "y", "cat", axis=5)])),
    (BAD_MODEL, "node 'cat' (Concat, opset 17): inputs f32[2,3], f32[2,3]: attribute 'axis' is a real number, expected an "
     "integer", model([node("Concat", "x x", "y", "cat", axis=1.5)])),
    (BAD_MODEL, "node 'parts' (Split, opset 17): inputs f32[2,3], i64[2]: the parts add up to 2, the axis has 3",
     model([node("Split", "x s", "y z", "parts", axis=1)], constants={"s": np.array([1, 1])})),
    (BAD_MODEL, "node 'pool' (MaxPool, opset 17): inputs f32[1,3,8,8]: kernel_shape is missing",
     model([node("MaxPool", "x", "y", "pool")], [IMAGE])),
    (BAD_MODEL, "node 'pick' (Gather, opset 17): inputs f32[2,3], f32[2,3]: indices of type f32, expected i32 or i64",
     model([node("Gather", "x x", "y", "pick")])),
    (BAD_MODEL, "node 'turn' (Transpose, opset 17): inputs f32[2,3]: perm is not a permutation",
     model([node("Transpose", "x", "y", "turn", perm=[0, 0])])),
    (BAD_MODEL, "node 'as' (Cast, opset 17): inputs f32[2,3]: 77 is not an element type",
     model([node("Cast", "x", "y", "as", to=77)])),
    (BAD_MODEL, "node 'act' (Relu, opset 17): inputs ?: the value 'nowhere' is used but not defined before (nodes must be in "
     "topological order)", model([node("Relu", "nowhere", "y", "act")])),
    (BAD_MODEL, "node 'two' (Exp, opset 17): inputs f32[2,3]: the name 'y' is defined twice in one graph",
     model([node("Relu", "x", "y", "one"), node("Exp", "x", "y", "two")])),
    (BAD_MODEL, "output 'y' is declared as i64, but it is f32: the model contradicts itself",
     model([node("Relu", "x", "y", "act")], output=("y", TensorProto.INT64, [2, 3]))),
    (BAD_MODEL, "node 'call' (own.Twice, opset 1): inputs f32[2,3]: node 'inner' (MatMul, opset 17): inputs f32[2,3], "
     "f32[2,3]: the summed axis: 3 and 2 differ",
     model([node("Twice", "x", "y", "call", domain="own")], domains=[("own", 1)], functions=[helper.make_function(
         "own", "Twice", ["a"], ["b"], [node("MatMul", "a a", "b", "inner")], [helper.make_opsetid("", 17)])])),
    (BAD_MODEL, "node 'choice' (If, opset 17): inputs bool[]: node 'late' (MatMul, opset 17): inputs f32[2,3], f32[2,3]: the "
     "summed axis: 3 and 2 differ",
     model([node("If", "c", "y", "choice", then_branch=branch([node("MatMul", "x x", "z", "late")], "z"),
                 else_branch=branch([node("MatMul", "x x", "z", "other")], "z"))], [X, ("c", TensorProto.BOOL, [])])),
]

SEVERAL = """3 nodes are invalid, 1 not supported:
  node 'one' (Add, opset 17): inputs f32[2,3], f32[4]: sizes that broadcast (equal, or one of them 1): 3 and 4 differ
  node 'two' (Frob, opset 17): inputs f32[2,3]: not an operator that is known (`ingot info --operators` lists them)
  node 'three' (MatMul, opset 17): inputs f32[2,3], f32[2,3]: the summed axis: 3 and 2 differ
  node 'six' (Relu, opset 17): inputs f32[2,3], f32[4]: takes 1 input, found 2"""


class Messages(common.Case):
    def check(self, content, code, message):
        path = self.work / "m.onnx"
        path.write_bytes(content.SerializeToString())
        done = common.ingot("compile", "m.onnx", "-o", "out", cwd=self.work)
        self.assertEqual((done.returncode, done.stderr), (code, "ingot: error: m.onnx: %s\n" % message))

    def test_what_is_wrong_with_one_node(self):
        for code, message, content in ONE:
            with self.subTest(message=message):
                self.check(content, code, message)

    def test_all_that_is_wrong_is_told_at_once(self):
        """But nothing of nodes behind one that is wrong: what they would get is not known."""
        nodes = [node("Add", "x b", "p", "one"), node("Frob", "x", "q", "two"), node("MatMul", "x x", "r", "three"),
                 node("Relu", "p", "y", "four"), node("Concat", "x q", "s", "five", axis=9),
                 node("Relu", "x b", "t", "six")]
        self.check(model(nodes, [X, ("b", F, [4])]), BAD_MODEL, SEVERAL)

    def test_invalid_nodes_alone(self):
        nodes = [node("Add", "x b", "p", "one"), node("Relu", "x b", "y", "two")]
        self.check(model(nodes, [X, ("b", F, [4])]), BAD_MODEL, "2 nodes are invalid:\n"
                   "  node 'one' (Add, opset 17): inputs f32[2,3], f32[4]: sizes that broadcast (equal, or one of them 1): 3 "
                   "and 4 differ\n  node 'two' (Relu, opset 17): inputs f32[2,3], f32[4]: takes 1 input, found 2")


if __name__ == "__main__":
    common.main()
