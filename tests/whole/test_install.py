#!/usr/bin/env python3
"""`cmake --install` gives a prefix that works by itself: the binary runs, and a C program finds the headers and
libingot.so by what the pkg-config file says."""
import re

import common

PROGRAM = r"""
#include <ingot/runtime.h>
#include <stdio.h>
int main(void) { puts(ingot_status_message(NULL)); return 0; }
"""


class Install(common.Case):
    def test_a_prefix(self):
        build = common.INGOT.parent
        if common.SANITIZED or not (build / "cmake_install.cmake").exists() or not (build / "libingot.so").exists():
            self.skipTest("%s is not a build that is meant to be installed" % build)
        prefix = self.work / "prefix"
        self.succeed(common.run("cmake", "--install", build, "--prefix", prefix))
        self.assertIn(".", self.succeed(common.run(prefix / "bin" / "ingot", "--version")))

        pc = next(prefix.rglob("ingot.pc"))
        text = pc.read_text()
        variables = dict(re.findall(r"^(\w+)=(.*)$", text, re.M), prefix=str(prefix))
        flags = " ".join(re.findall(r"^(?:Cflags|Libs): (.*)$", text, re.M))
        for _ in range(3):
            flags = re.sub(r"\$\{(\w+)\}", lambda m: variables[m[1]], flags)
        source = self.work / "program.c"
        source.write_text(PROGRAM)
        options = flags.split()
        folder = next(o[2:] for o in options if o.startswith("-L"))
        self.succeed(common.run("cc", source, *options, "-Wl,-rpath," + folder, "-o", self.work / "program"))
        self.assertEqual(self.succeed(common.run(self.work / "program")).strip(), "success")


if __name__ == "__main__":
    common.main()
