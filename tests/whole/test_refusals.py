#!/usr/bin/env python3
"""What `ingot compile` refuses: the exit code and a message that names the file, the node, the op and the reason."""
import onnx
from onnx import TensorProto, helper

import common

BAD_MODEL, UNSUPPORTED, IO = 3, 4, 5


def graph_model(nodes, inputs, outputs=("y",), opset=17, extra_domains=()):
    """A model of float inputs by name and shape; the outputs have the first input's rank, sizes left open."""
    rank = len(next(iter(inputs.values())))
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [None] * rank) for n in outputs])
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, 1) for d in extra_domains]
    return helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString()


class Refusals(common.Case):
    def refuse(self, content, code, *words, name="model.onnx"):
        """Compiles `content`; wants exit code `code`, all of `words` on stderr, and no artifact."""
        path = self.work / name
        if content is not None:
            path.write_bytes(content)
        done = common.ingot("compile", path, "-o", self.work / "out")
        text = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, text)
        for word in (name, *words):
            self.assertIn(word, done.stderr)
        out = self.work / "out"
        self.assertEqual(list(out.iterdir()) if out.exists() else [], [], "files were left behind")
        return done.stderr

    def test_a_truncated_file(self):
        whole = (common.DIGITS / "digits.onnx").read_bytes()
        for size in (len(whole) - 1, len(whole) // 2, 1000, 20, 3):
            with self.subTest(size=size):
                self.refuse(whole[:size], BAD_MODEL)

    def test_a_text_file(self):
        self.refuse(b"# Not a model\n\nJust some text, of a few lines.\n", BAD_MODEL, name="notes.txt")

    def test_a_directory(self):
        (self.work / "folder.onnx").mkdir()
        self.refuse(None, IO, "directory", name="folder.onnx")

    def test_an_empty_file(self):
        self.refuse(b"", BAD_MODEL, "empty")

    def test_a_missing_file(self):
        self.refuse(None, IO, name="missing.onnx")

    def test_a_wrong_option(self):
        done = common.ingot("compile", common.DIGITS / "digits.onnx", "--no-such-option", "-o", self.work / "out")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("no-such-option", done.stderr)

    def test_an_unknown_op(self):
        self.refuse(graph_model([helper.make_node("Frobnicate", ["x"], ["y"], "the_node")], {"x": [2, 3]}),
                    UNSUPPORTED, "the_node", "Frobnicate", "17")

    def test_an_op_of_an_unknown_domain(self):
        node = helper.make_node("Fancy", ["x"], ["y"], "the_node", domain="org.example")
        self.refuse(graph_model([node], {"x": [2, 3]}, extra_domains=["org.example"]), UNSUPPORTED, "the_node", "Fancy",
                    "org.example")

    def test_three_unknown_ops_are_listed_at_once(self):
        nodes = [helper.make_node("Frob", ["x"], ["a"], "first"), helper.make_node("Relu", ["a"], ["b"], "known"),
                 helper.make_node("Nicate", ["b"], ["c"], "second"), helper.make_node("Blurb", ["c"], ["y"], "third")]
        self.refuse(graph_model(nodes, {"x": [2, 3]}), UNSUPPORTED, "Frob", "first", "Nicate", "second", "Blurb", "third")

    def test_shapes_that_do_not_fit(self):
        self.refuse(graph_model([helper.make_node("Add", ["a", "b"], ["y"], "sum")], {"a": [3], "b": [4]}), BAD_MODEL,
                    "sum", "Add", "3", "4")
        self.refuse(graph_model([helper.make_node("MatMul", ["a", "b"], ["y"], "product")], {"a": [2, 3], "b": [4, 5]}),
                    BAD_MODEL, "product", "MatMul", "3", "4")

    def test_an_input_that_nothing_defines(self):
        self.refuse(graph_model([helper.make_node("Relu", ["nowhere"], ["y"], "lonely")], {"x": [2]}), BAD_MODEL,
                    "lonely", "nowhere")

    def test_a_cycle(self):
        nodes = [helper.make_node("Add", ["x", "b"], ["a"], "one"), helper.make_node("Relu", ["a"], ["b"], "two"),
                 helper.make_node("Relu", ["b"], ["y"], "three")]
        self.refuse(graph_model(nodes, {"x": [2]}), BAD_MODEL)

    def test_a_constant_whose_data_is_too_short(self):
        model = onnx.load_from_string(graph_model([helper.make_node("Add", ["x", "w"], ["y"], "sum")], {"x": [4]}))
        model.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[4], raw_data=b"\0" * 15)
        self.refuse(model.SerializeToString(), BAD_MODEL, "w")

    def test_external_data_outside_the_folder(self):
        model = onnx.load_from_string(graph_model([helper.make_node("Add", ["x", "w"], ["y"], "sum")], {"x": [4]}))
        tensor = model.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=1)
        tensor.external_data.add(key="location", value="../../etc/passwd")
        path = self.work / "model.onnx"
        path.write_bytes(model.SerializeToString())
        done = common.ingot("compile", path, "-o", self.work / "out")
        self.assertIn(done.returncode, (BAD_MODEL, IO), done.stderr)
        self.assertIn("passwd", done.stderr)

    def test_a_model_that_verify_cannot_find(self):
        done = common.ingot("verify", self.work / "nothing")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nothing", done.stderr + done.stdout)


if __name__ == "__main__":
    common.main()
