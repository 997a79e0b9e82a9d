"""ONNX's operator tests in three forms.

    as_is      as the onnx package has them
    dynamic    every size of every input is dynamic, but for those that are 0 in the case: an undeclared size is at least 1
               (`--dim NAME=0:64` declares another range)
    constant   every input is an initializer: all of it can be folded

`cases()` lists them; `make(form, cases, out)` writes those of the last two as ONNX test directories. The light zoo's
networks, which lie flat in the package, become directories too; their inputs are made here: see `light_inputs`.
"""
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
SUITES = ("node", "simple", "pytorch-converted", "pytorch-operator", "light")
FORMS = ("as_is", "dynamic", "constant")


def cases():
    """(suite, name, path), sorted; path is the test directory, or the model of a light network."""
    found = []
    for suite in SUITES:
        if suite == "light":
            found += [(suite, f.stem, f) for f in sorted((DATA / suite).glob("light_*.onnx"))]
        else:
            found += [(suite, d.name, d) for d in sorted((DATA / suite).iterdir()) if (d / "model.onnx").exists()]
    return found


def light_inputs(model):
    """The package has outputs of the light networks for inputs of its runner: ones of the declared shape."""
    initializers = {i.name for i in model.graph.initializer}
    for value in model.graph.input:
        if value.name not in initializers:
            dims = [d.dim_value for d in value.type.tensor_type.shape.dim]
            yield value.name, np.ones(dims, np.float32)


def make_light(source, target):
    data = target / "test_data_set_0"
    data.mkdir(parents=True)
    model = onnx.load(source)
    for k, (name, value) in enumerate(light_inputs(model)):
        (data / ("input_%d.pb" % k)).write_bytes(numpy_helper.from_array(value, name).SerializeToString())
    shutil.copyfile(source.with_name(source.stem + "_output_0.pb"), data / "output_0.pb")
    shutil.copyfile(source, target / "model.onnx")


def runtime_inputs(model):
    initializers = {i.name for i in model.graph.initializer}
    return [v for v in model.graph.input if v.name not in initializers]


def make_dynamic(source, target):
    """False for a case whose inputs are no tensors with sizes."""
    model = onnx.load(source / "model.onnx", load_external_data=False)
    changed = False
    for number, value in enumerate(runtime_inputs(model)):
        if not value.type.HasField("tensor_type"):
            continue
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.HasField("dim_value") and dim.dim_value == 0:
                continue
            dim.Clear()
            dim.dim_param = "d%d_%d" % (number, axis)
            changed = True
    for value in model.graph.output:
        if value.type.HasField("tensor_type"):
            for dim in value.type.tensor_type.shape.dim:
                dim.Clear()
    del model.graph.value_info[:]
    if not changed:
        return False
    target.mkdir(parents=True)
    onnx.save(model, target / "model.onnx")
    for data in source.glob("test_data_set_*"):
        os.symlink(data, target / data.name)
    return True


def make_constant(source, target):
    """False for a case without inputs, or with one that no initializer can hold. The first data set only."""
    model = onnx.load(source / "model.onnx", load_external_data=False)
    inputs = runtime_inputs(model)
    files = [source / "test_data_set_0" / ("input_%d.pb" % k) for k in range(len(inputs))]
    if not inputs or not all(v.type.HasField("tensor_type") for v in inputs) or not all(f.exists() for f in files):
        return False
    for value, file in zip(inputs, files):
        tensor = onnx.TensorProto()
        tensor.ParseFromString(file.read_bytes())
        tensor.name = value.name
        model.graph.initializer.append(tensor)
    del model.graph.input[:]
    model.ir_version = max(model.ir_version, 4)     # from there on an initializer need not be an input
    data = target / "test_data_set_0"
    data.mkdir(parents=True)
    onnx.save(model, target / "model.onnx")
    for file in (source / "test_data_set_0").glob("output_*.pb"):
        os.symlink(file, data / file.name)
    return True


def make(form, wanted, out):
    """Writes what is missing of `wanted` below out/form; answers {name: directory} of the cases that have the form."""
    folder, made = out / form, {}
    folder.mkdir(parents=True, exist_ok=True)
    for suite, name, path in wanted:
        target = folder / ("%s.%s" % (suite, name))
        if suite == "light":
            light = out / "light" / name
            if not light.exists():
                make_light(path, light)
            path = light
        if form == "as_is":
            made[target.name] = path
        elif target.exists() or (make_dynamic if form == "dynamic" else make_constant)(path, target):
            made[target.name] = target
    return made
