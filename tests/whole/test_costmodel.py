#!/usr/bin/env python3
"""The way of the cost model on a user's machine: measure, train, evaluate, exchange, and decide by it."""
import json
import re
import shutil
import tempfile
import unittest
from pathlib import Path

import common
import onnx
from onnx import helper

CONTRACT = ("contract b0=1 b1=1 m=64 n=256 k=512 in=f32[0,0,512,0,1] in=f32.packed16.const[0,0,0,0,0] "
            "out=f32[0,0,256,1,0] | | znver3")


class CostModel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="ingot-costmodel-"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def ingot(self, *arguments, code=0):
        done = common.ingot(*arguments, cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def explain(self, *options):
        return self.ingot("explain", common.DIGITS / "digits.onnx", "--dim=batch=1", *options).stdout

    def test_features_are_listed_in_the_document(self):
        text = (common.ROOT / "docs" / "cost-model.md").read_text()
        table = (common.ROOT / "costmodel" / "features.def").read_text()
        rows = re.findall(r'^FEATURE\((\w+),\s*"([^"]*)",\s*"([^"]*)"\)', table, re.M)
        self.assertGreater(len(rows), 40)
        for name, unit, meaning in rows:
            with self.subTest(feature=name):
                self.assertIn("| `%s` | %s | %s |" % (name, unit, meaning), text)

    def test_every_model_of_the_interface_compiles_a_model(self):
        for name in ("constant", "flops", "roofline", "linear", "nearest", "tokens", "learned"):
            with self.subTest(model=name):
                self.assertIn("predicted by the %s model" % name, self.explain("--cost-model=" + name))
        done = self.ingot("explain", common.DIGITS / "digits.onnx", "--cost-model=nonsense", code=5)
        self.assertIn("names are constant, flops, roofline", done.stderr)

    def test_a_prediction_says_what_moves_it(self):
        answer = json.loads(self.ingot("costmodel", "predict", CONTRACT, "--json").stdout)["kernels"][0]
        self.assertGreater(answer["ns"], answer["bound_ns"] / 4)
        self.assertGreater(answer["uncertainty"], 0)
        self.assertTrue(any(f["log2_time"] for f in answer["features"]))
        text = self.ingot("costmodel", "predict", CONTRACT).stdout
        self.assertIn("% time", text)

    def test_maps_repeat_work_only_where_that_is_faster(self):
        """exp of 64 numbers, negated, and added to 2000 rows: one small map, and one that reads its result."""
        nodes = [helper.make_node("Exp", ["a"], ["e"], name="e"), helper.make_node("Neg", ["e"], ["n"], name="n"),
                 helper.make_node("Add", ["n", "b"], ["y"], name="y")]
        info = helper.make_tensor_value_info
        graph = helper.make_graph(nodes, "g", [info("a", 1, [64]), info("b", 1, [2000, 64])],
                                  [info("y", 1, [2000, 64])])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9),
                  self.folder / "rows.onnx")
        text = self.ingot("explain", self.folder / "rows.onnx", "--cpu=znver3").stdout
        self.assertRegex(text, r"one map from 2 elementwise ops at 'n \(Neg\)': predicted [\d.]+ us, apart [\d.]+ us")
        self.assertEqual(len(re.findall(r" map  .*\((Neg|Add)\)", text)), 2)

    def test_explain_tells_why(self):
        text = self.explain()
        self.assertRegex(text, r"in blocks of 16 channels, \d+ conversions: .* predicted [\d.]+ us; with convolutions alone")
        self.assertRegex(text, r"fused \d+ elementwise ops into '.*': on their own predicted [\d.]+ us")
        step = next(line.split()[0] for line in text.splitlines() if re.match(r" +\d+ .* contract ", line))
        why = self.explain("--why", step)
        self.assertIn("contract b0=", why)
        self.assertIn("% time", why)
        self.assertIn("candidates", why)
        done = self.ingot("explain", common.DIGITS / "digits.onnx", "--dim=batch=1", "--why=999", code=2)
        self.assertIn("steps", done.stderr)

    @unittest.skipIf(common.SANITIZED, "a plug-in of another compiler's")
    def test_the_example_plug_in_builds_loads_and_changes_a_decision(self):
        source = common.ROOT / "examples" / "costmodel" / "wide_tiles.c"
        library = self.folder / "wide_tiles.so"
        done = common.run("cc", "-shared", "-fPIC", "-I", common.ROOT / "include", source, "-o", library)
        self.assertEqual(done.returncode, 0, done.stderr)
        mine = self.explain("--cost-model=%s" % library, "--cpu=znver3")
        self.assertIn("predicted by the wide tiles model", mine)
        mine = self.explain("--cost-model=%s" % library, "--cpu=znver3", "--specs")
        self.assertNotEqual(mine, self.explain("--cost-model=roofline", "--cpu=znver3", "--specs"))
        bad = self.folder / "empty.so"
        self.assertEqual(common.run("cc", "-shared", "-fPIC", "-xc", "/dev/null", "-o", bad).returncode, 0)
        done = self.ingot("explain", common.DIGITS / "digits.onnx", "--cost-model=%s" % bad, code=2)
        self.assertIn("ingot_costmodel_plugin", done.stderr)

    @unittest.skipIf(common.SANITIZED, "timing sanitized code says nothing")
    def test_measure_train_evaluate_exchange(self):
        store = self.folder / "m.db"
        native = json.loads(self.ingot("targets", "--json").stdout)["native"]
        self.ingot("measure", common.DIGITS / "digits.onnx", "--store", store, "--points", "120", "--minutes", "1",
                   "--near", "1")
        self.ingot("measure", "--whole", common.DIGITS / "digits.onnx", "--store", store)
        # Resumed: what is there stays and is not timed again, so that the next kernels are new ones.
        before = json.loads(self.ingot("measure", common.DIGITS / "digits.onnx", "--store", store, "--points", "1",
                                       "--near", "1", "--minutes", "1", "--json").stdout)
        answer = json.loads(self.ingot("measure", common.DIGITS / "digits.onnx", "--store", store, "--points", "1",
                                       "--near", "1", "--seed", "2", "--minutes", "1", "--json").stdout)
        self.assertGreaterEqual(answer["points"], 100)
        self.assertGreater(answer["tasks"], before["tasks"])
        self.assertIn(native, self.ingot("targets", "--store", store).stdout)
        if not has_xgboost():
            self.skipTest("no XGBoost here")
        model = self.folder / "mine.model"
        self.ingot("costmodel", "train", "--store", store, "-o", model)
        table = json.loads(self.ingot("costmodel", "eval", "--store", store, "--seeds", "1", "--json", "--plot",
                                      self.folder / "p.svg", "--rows", self.folder / "r.tsv").stdout)
        names = {row["name"] for row in table["shape"]}
        self.assertEqual(names, {"constant", "flops", "roofline", "linear", "nearest", "tokens", "learned"})
        learned = next(row for row in table["shape"] if row["name"] == "learned")
        constant = next(row for row in table["shape"] if row["name"] == "constant")
        self.assertLess(learned["mape"]["median"], constant["mape"]["median"])
        self.assertIn("<svg", (self.folder / "p.svg").read_text())
        self.assertIn("mine.model", self.ingot("costmodel", "eval", "--store", store, "--seeds", "1", "--split",
                                               "shape", "--no-tokens", "--model", model).stdout)
        self.assertIn("predicted by the learned model", self.explain("--cost-model=%s" % model))
        for name in ("t.tsv", "t.tsv.gz"):
            self.ingot("costmodel", "export", name, "--store", store)
            other = self.folder / (name + ".db")
            self.ingot("costmodel", "import", name, "--store", other)
            self.ingot("costmodel", "export", name + ".again", "--store", other)
        self.assertEqual((self.folder / "t.tsv").read_text(), (self.folder / "t.tsv.again").read_text())
        self.ingot("costmodel", "merge", self.folder / "t.tsv.db", "--store", store)

    def test_refusals_of_the_store(self):
        done = self.ingot("costmodel", "eval", "--store", self.folder / "none.db", code=5)
        self.assertIn("ingot measure", done.stderr)
        (self.folder / "bad.tsv").write_text("point\t1\tnonsense\n")
        done = self.ingot("costmodel", "import", "bad.tsv", "--store", self.folder / "x.db", code=2)
        self.assertIn("bad.tsv:1", done.stderr)
        self.ingot("costmodel", "nonsense", code=2)
        self.ingot("costmodel", "train", "--split", "nonsense", code=2)

    @unittest.skipIf(common.SANITIZED, "timing sanitized code says nothing")
    def test_tuning_is_remembered(self):
        cache = self.folder / "cache"
        first = self.explain("--tune=20", "--cache", cache, "--specs")
        self.assertTrue(list(cache.glob("tuned-*")))
        self.assertEqual(first, self.explain("--tune=20", "--cache", cache, "--specs"))
        again = self.explain("--tune=20", "--cache", cache)
        self.assertIn("timed by an earlier --tune", again)
        self.assertNotIn("timed best", again)


def has_xgboost():
    import ctypes.util
    return ctypes.util.find_library("xgboost") is not None


if __name__ == "__main__":
    common.main()
