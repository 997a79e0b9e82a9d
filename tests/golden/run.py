#!/usr/bin/env python3
"""Runs one golden test: a file whose comments hold the commands to run and the lines to expect.

    run.py --ingot PATH [--work DIR] FILE

FILE is any text with lines such as

    // RUN: %ingot opt %s --passes=canonicalise | %FileCheck %s
    // CHECK: "ingot.add"

`//` may be `#` or `;`. Every RUN command must succeed; a command that begins with `not N` must exit with N. They are
given to `bash` with pipefail, in order, with these replaced:

    %ingot      the binary under test        %s   the file itself
    %FileCheck  FileCheck of LLVM 22         %S   its folder
    %mlir-opt   mlir-opt of LLVM 22          %t   a file name of this test's own, in --work
    %onnx       `python TEXT_TO_MODEL`: %onnx %s %t.onnx makes a model of ONNX's text form (after the comments)

A `.mlir` file is also given to `mlir-opt --allow-unregistered-dialect`: Ingot's text must stay true MLIR. A file with
a line `// NOT-MLIR: why` is left out of that, for instance because it must be refused.
A file without a RUN line is input to others and passes. Exit codes: 0, 1, or 77 when a tool it needs is missing.
"""
import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

COMMENT = re.compile(r"^\s*(?://|#|;)\s*(RUN|NOT-MLIR):\s*(.*)$")
SKIPPED = 77
TIMEOUT_S = 60


def tool(name):
    """The path of an LLVM 22 tool, or None."""
    return shutil.which(name + "-22") or shutil.which("/usr/lib/llvm-22/bin/" + name)


def directives(text):
    """The RUN commands, lines ending in a backslash joined, and whether the file is to be valid MLIR."""
    runs, valid, joining = [], True, False
    for line in text.splitlines():
        match = COMMENT.match(line)
        if not match:
            joining = False
        elif match[1] == "NOT-MLIR":
            valid = False
        else:
            body = match[2].strip()
            if joining:
                runs[-1] += " " + body.rstrip("\\").strip()
            else:
                runs.append(body.rstrip("\\").strip())
            joining = body.endswith("\\")
    return runs, valid


def run(command, wanted=0):
    """Runs one bash command; prints its output and answers False unless it exits with `wanted`."""
    try:
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S)
        code, text = done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        code, text = "none: still running after %d s" % TIMEOUT_S, (late.stdout or b"").decode(errors="replace")
    if code != wanted:
        print("$ %s\n%s\nexit code %s, expected %s" % (command, text, code, wanted))
    elif "Sanitizer" in text:
        print(text)
    return code == wanted


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ingot", required=True)
    parser.add_argument("--work", default="golden-work")
    parser.add_argument("file", type=Path)
    options = parser.parse_args()

    file = options.file.resolve()
    runs, valid = directives(file.read_text(errors="replace"))
    work = Path(options.work).resolve() / re.sub(r"[^\w.-]", "_", "_".join(file.parts[-3:]))
    work.mkdir(parents=True, exist_ok=True)
    values = {"%ingot": str(Path(options.ingot).resolve()),
              "%FileCheck": tool("FileCheck"), "%mlir-opt": tool("mlir-opt"),
              "%onnx": "%s %s" % (sys.executable, Path(__file__).resolve().parent / "onnx_text.py"),
              "%s": str(file), "%S": str(file.parent), "%t": str(work / "t")}
    if "%onnx" in " ".join(runs):
        try:
            import onnx  # noqa: F401
        except ImportError:
            print("skipped: this Python has no onnx")
            return SKIPPED

    def fill(match):
        value = values[match[0]]
        if value is None:
            raise FileNotFoundError(match[0])
        return value

    passed = True
    try:
        for command in runs:
            negated = re.match(r"not\s+(\d+)\s+", command)
            body = command[negated.end():] if negated else command
            body = re.sub(r"%(?:ingot|FileCheck|mlir-opt|onnx|s|S|t)(?![\w-])", fill, body)
            passed = run(body, int(negated[1]) if negated else 0) and passed
        if file.suffix == ".mlir" and valid:
            mlir_opt = values["%mlir-opt"]
            if mlir_opt is None:
                raise FileNotFoundError("%mlir-opt")
            passed = run("%s --allow-unregistered-dialect %s -o /dev/null" % (mlir_opt, file)) and passed
    except FileNotFoundError as missing:
        print("skipped: no LLVM 22 tool for %s" % missing)
        return SKIPPED
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
