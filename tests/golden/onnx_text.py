#!/usr/bin/env python3
"""Makes a model file of a model in ONNX's own text form, for golden tests of the importer.

    onnx_text.py IN.onnxtxt OUT.onnx

Lines that begin with `//` are comments (RUN and CHECK lines). The model is not checked: some must be refused.
"""
import sys

import onnx.parser


def main(source, target):
    with open(source, encoding="utf-8") as file:
        text = "".join(line for line in file if not line.lstrip().startswith("//"))
    model = onnx.parser.parse_model(text)
    with open(target, "wb") as file:
        file.write(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
