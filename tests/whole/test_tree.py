#!/usr/bin/env python3
"""The source tree keeps its rules: which folder includes which, where MLIR's headers may be used, file lengths, and
one prefix for every symbol of the libraries beside the binary."""
import re
import subprocess
import unittest

import common

MAY_INCLUDE = {
    "runtime": (),
    "ir": ("runtime",),
    "frontend": ("ir", "runtime"),
    "kernel": ("ir", "runtime"),
    "costmodel": ("kernel", "ir", "runtime"),
    "passes": ("costmodel", "kernel", "ir", "runtime"),
    "lower": ("costmodel", "kernel", "ir", "runtime"),
    "codegen": ("kernel", "costmodel", "ir", "runtime"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([\w./-]+)[">]', re.M)
MAX_LINES = 1000


def sources(*suffixes):
    listed = subprocess.run(["git", "ls-files"], cwd=common.ROOT, capture_output=True, text=True)
    names = listed.stdout.split() if listed.returncode == 0 else []
    return [n for n in names if n.endswith(suffixes) and (common.ROOT / n).is_file()]


class Tree(unittest.TestCase):
    def setUp(self):
        if not sources(".c"):
            self.skipTest("not a git checkout")

    def test_folders_include_only_what_lies_below_them(self):
        for name in sources(".c", ".h", ".def"):
            folder = name.partition("/")[0]
            for include in INCLUDE.findall((common.ROOT / name).read_text()):
                target = include.partition("/")[0]
                if folder in MAY_INCLUDE and target in (*MAY_INCLUDE, "driver", "cli"):
                    with self.subTest(file=name, include=include):
                        self.assertIn(target, (folder, *MAY_INCLUDE[folder]))

    def test_mlir_and_llvm_headers_stay_in_codegen(self):
        for name in sources(".c", ".h"):
            if not name.startswith(("codegen/", "tests/")):
                with self.subTest(file=name):
                    self.assertNotRegex((common.ROOT / name).read_text(), r"#\s*include\s+[\"<](?:mlir|llvm)-c/")

    def test_files_are_not_too_long(self):
        for name in sources(".c", ".h", ".py", ".sh"):
            with self.subTest(file=name):
                self.assertLessEqual(len((common.ROOT / name).read_text().splitlines()), MAX_LINES)

    def test_c_functions_with_external_linkage_are_prefixed(self):
        archive = common.INGOT.parent / "libingot_compiler.a"
        for library in (archive, archive.with_name("libingot_rt.a")):
            if not library.exists():
                continue
            done = common.run("nm", "--defined-only", "--extern-only", library)
            for symbol in re.findall(r"^[0-9a-f]+ [TDBRC] (\S+)$", done.stdout, re.M):
                with self.subTest(library=library.name, symbol=symbol):
                    self.assertTrue(symbol.startswith(("ingot_", "__")), symbol)


if __name__ == "__main__":
    common.main()
