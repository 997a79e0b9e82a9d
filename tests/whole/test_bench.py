#!/usr/bin/env python3
"""`ingot bench --kernel-suite`: what it prints for each spec and for all; lines that are wrong; another target. Times
are not looked at."""
import json

import common

PRODUCT = ('contract b0=1 b1=1 m=%d n=32 k=24 in=f32[0,0,24,0,1] in=f32.packed16.const[0,0,0,0,0] out=f32[0,0,32,1,0] '
           '| mr=2 | x86-64-v3')
COPY = 'map d0=64 in=f32[1] out=f32[1] body="(f32) -> r0" | | x86-64-v3'


class KernelSuite(common.Case):
    def bench(self, lines, *options):
        file = self.work / "suite.txt"
        file.write_text("".join(line + "\n" for line in lines))
        return common.ingot("bench", "--kernel-suite", file, "--time", "0.001", "--threads", "1", "--json", *options)

    def test_every_spec_and_a_summary_by_family(self):
        done = self.bench(["# two rows are few", PRODUCT % 2, "", PRODUCT % 16, PRODUCT % 40, COPY], "--cpu=x86-64-v2")
        found = [json.loads(line) for line in self.succeed(done).splitlines()]
        self.assertEqual(len(found), 5)
        families = {f["family"]: f for f in found[4]["families"]}
        self.assertEqual({name: f["kernels"] for name, f in families.items()},
                         {"contract, m >= 16": 2, "contract, m < 16": 1, "map": 1})
        self.assertEqual(families["contract, m < 16"]["worst_line"], 2)
        for family in families.values():
            self.assertLessEqual(family["worst"], family["median"])

    def test_a_wrong_line_is_named_and_the_others_are_timed(self):
        done = self.bench(["contract nonsense", COPY], "--cpu=x86-64-v2")
        found = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertIn("nonsense", found[0]["error"])
        self.assertEqual(found[2]["families"][0]["kernels"], 1)
        self.assertEqual(done.returncode, 2)
        self.assertIn("1 of 2 specs could not be timed", done.stderr)

    def test_another_target_forgets_the_decisions_of_the_line(self):
        spec = json.loads(self.succeed(self.bench([PRODUCT % 2], "--cpu=x86-64-v2")).splitlines()[0])["spec"]
        self.assertTrue(spec.endswith("| | x86-64-v2"), spec)


if __name__ == "__main__":
    common.main()
