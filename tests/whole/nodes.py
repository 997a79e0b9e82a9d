"""Small models of single nodes, compared with ONNX Runtime.

    nodes = Nodes(opset=20)
    nodes.add("GridSample", [x, grid], padding_mode="border")
    nodes.add("Resize", [x, None, Const(scales)], mode="linear")
    nodes.check(self)

All nodes of a `Nodes` go into one model, so that a test compiles once. An array becomes an input of the model, a Const
an initializer, None a left-out input.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import common

TYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.float16): TensorProto.FLOAT16,
         np.dtype(np.float64): TensorProto.DOUBLE, np.dtype(np.int64): TensorProto.INT64,
         np.dtype(np.int32): TensorProto.INT32, np.dtype(np.int16): TensorProto.INT16,
         np.dtype(np.int8): TensorProto.INT8, np.dtype(np.uint8): TensorProto.UINT8,
         np.dtype(np.uint16): TensorProto.UINT16, np.dtype(np.uint32): TensorProto.UINT32,
         np.dtype(np.uint64): TensorProto.UINT64, np.dtype(np.bool_): TensorProto.BOOL}


class Const:
    def __init__(self, value, dtype=None):
        self.value = np.asarray(value, dtype)


class Nodes:
    def __init__(self, opset=21, **others):
        """others: opset of further domains, "." written as "_": com_microsoft=1."""
        self.opsets = [helper.make_opsetid("", opset)]
        self.opsets += [helper.make_opsetid(domain.replace("_", "."), version) for domain, version in others.items()]
        self.nodes, self.inputs, self.constants, self.outputs, self.feeds, self.what = [], [], [], [], {}, []

    def add(self, op_type, inputs, outputs=1, domain="", off=0, **attributes):
        """outputs: how many, or a list of flags, false for one that is left out. off: for types of integers, by how
        much elements may differ."""
        k, names = len(self.nodes), []
        for i, value in enumerate(inputs):
            name = "" if value is None else "n%d_in%d" % (k, i)
            names.append(name)
            if isinstance(value, Const):
                self.constants.append(numpy_helper.from_array(value.value, name))
            elif value is not None:
                self.inputs.append(helper.make_tensor_value_info(name, TYPES[value.dtype], value.shape))
                self.feeds[name] = value
        wanted = [True] * outputs if isinstance(outputs, int) else outputs
        results = ["n%d_out%d" % (k, i) if want else "" for i, want in enumerate(wanted)]
        self.nodes.append(helper.make_node(op_type, names, results, "n%d" % k, domain=domain, **attributes))
        self.outputs += [helper.make_empty_tensor_value_info(name) for name in results if name]
        self.what += [("%s %r" % (op_type, attributes), off)] * sum(map(bool, results))

    def save(self, path):
        graph = helper.make_graph(self.nodes, "nodes", self.inputs, self.outputs, self.constants)
        # Outputs carry no types: ONNX Runtime infers them.
        model = helper.make_model(graph, opset_imports=self.opsets, ir_version=10)
        onnx.save(model, str(path))
        return path

    def run(self, case, *options):
        """Ingot's outputs, in the order of adding."""
        return case.run_model(self.save(case.work / "nodes.onnx"), self.feeds, *options)

    def check(self, case, rtol=common.RTOL, atol_scaled=common.ATOL_SCALED, reference=None):
        path = self.save(case.work / "nodes.onnx")
        want = (reference or common.reference)(path, self.feeds)
        got = case.run_model(path, self.feeds)
        case.assertEqual(len(got), len(want))
        for a, b, (what, off) in zip(got, want, self.what):
            if off and a.dtype == b.dtype and a.shape == b.shape:
                worst = int(np.abs(a.astype(np.int64) - b.astype(np.int64)).max(initial=0))
                case.assertLessEqual(worst, off, what)
            else:
                case.assertIsNone(common.difference(a, b, rtol, atol_scaled), what)
