#!/usr/bin/env python3
"""docs/operators.md is what tests/conformance/operators.py makes of the compiler's table, and what it says of accuracy
holds. (What it says of the operators' own tests is compared by a full conformance run.)"""
import json
import sys

import common

sys.path.insert(0, str(common.ROOT / "tests" / "conformance"))
import operators  # noqa: E402


class OperatorTable(common.Case):
    def test_the_document_is_up_to_date(self):
        self.assertEqual(operators.DOC.read_text(), operators.document(common.INGOT),
                         "out of date: tests/conformance/operators.py --write")

    def test_every_form_of_every_operator_of_the_standard_has_a_row(self):
        """From opset 1 on: also those that newer opsets replaced."""
        first = {}
        for row in operators.operators(common.INGOT):
            key = row["domain"], row["name"]
            first[key] = min(row["since"], first.get(key, row["since"]))
        for key, versions in operators.schema_rows().items():
            self.assertIn(key, first)
            self.assertLessEqual(first[key], versions[0], key)

    def test_results_are_as_exact_as_promised(self):
        summary = json.loads(operators.MEASURED.read_text())["summary"]
        self.assertLessEqual(summary["median_elementwise"], 1)
        self.assertLessEqual(summary["p99"], 8)
        self.assertLessEqual(summary["p99_ours"], 8)

    def test_the_table_can_be_read_by_people(self):
        lines = self.succeed(common.ingot("info", "--operators")).splitlines()
        self.assertEqual(len(lines), len(operators.operators(common.INGOT)))
        self.assertTrue(any("Conv " in line and "2 to 3 inputs" in line for line in lines))
        self.assertEqual(common.ingot("info", "--operators", "model.onnx").returncode, 2)


if __name__ == "__main__":
    common.main()
