#!/usr/bin/env python3
"""docs/operators.md: which operators there are, and how exact.

    operators.py [--write]      compares docs/operators.md with what it should be; --write: writes it

It comes from the compiler's own table (`ingot info --operators --json`), the reasons that importers give for refusing (their
calls of ingot_node_unsupported), onnx's schemas, and measured.json: what the conformance run saw of each operator in the
cases that consist of it alone. `test_conformance.py --measure` writes that file; a full run compares. How exact a kernel is
depends a little on the width of vectors, so that numbers are kept as powers of two, and a run may be one of them worse.
"""
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
DOC = ROOT / "docs" / "operators.md"
MEASURED = Path(__file__).with_name("measured.json")
TYPES = {"FLOAT": "f32", "DOUBLE": "f64", "FLOAT16": "f16", "BFLOAT16": "bf16", "BOOL": "bool", "STRING": "string",
         "INT64": "i64", "INT32": "i32", "INT16": "i16", "INT8": "i8", "UINT64": "u64", "UINT32": "u32", "UINT16": "u16",
         "UINT8": "u8", "INT4": "i4", "UINT4": "u4", "INT2": "i2", "UINT2": "u2", "COMPLEX64": "c64", "COMPLEX128": "c128",
         "FLOAT8E4M3FN": "f8e4m3fn", "FLOAT8E4M3FNUZ": "f8e4m3fnuz", "FLOAT8E5M2": "f8e5m2",
         "FLOAT8E5M2FNUZ": "f8e5m2fnuz", "FLOAT4E2M1": "f4e2m1", "FLOAT8E8M0": "f8e8m0"}
ORDER = list(TYPES.values())
WORST_LISTED = 16
COLUMNS = ("operator", "read from opset", "forms of the standard", "types seen", "kernels", "cases", "ulp", "of largest",
           "limits")


def bucket(ulp):
    """The power of two that it stays within: 0, 1, 2, 4..."""
    limit = 1 if ulp > 0 else 0
    while limit < ulp:
        limit *= 2
    return limit


# ---- what a run saw ----

def value_types(values):
    """Element types of tensors, also of those inside sequences and optionals."""
    for value in values:
        kind = value.type
        while kind.HasField("sequence_type") or kind.HasField("optional_type"):
            kind = kind.sequence_type.elem_type if kind.HasField("sequence_type") else kind.optional_type.elem_type
        if kind.HasField("tensor_type") and kind.tensor_type.elem_type:
            yield TYPES.get(TensorProto.DataType.Name(kind.tensor_type.elem_type), "?")


def only_operator(model):
    """(domain, name) of a model's only node, constants apart."""
    nodes = [n for n in model.graph.node if n.op_type != "Constant"]
    return (nodes[0].domain or "ai.onnx", nodes[0].op_type) if len(nodes) == 1 else None


def in_double(model):
    """f32 becomes f64 in a model of one operator."""
    graph = model.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    return model


def read(file):
    tensor = TensorProto()
    tensor.ParseFromString(file.read_bytes())
    return numpy_helper.to_array(tensor)


def off(got, exact, scaled):
    """The largest difference, in steps of each element or of the largest one."""
    steps = np.spacing(np.abs(exact if not scaled else np.abs(exact).max(initial=0) + 0 * exact).astype(np.float32))
    with np.errstate(invalid="ignore"):
        gap = np.abs(got.astype(np.float64) - exact) / np.maximum(steps, np.float32(1e-45)).astype(np.float64)
    return float(np.nan_to_num(gap).max(initial=0))


def against_double(ingot, path, scaled):
    """(ours, the expected output's) distance from onnx's evaluator in double precision; None where it cannot tell."""
    from onnx.reference import ReferenceEvaluator
    model = onnx.load(path / "model.onnx")
    data, names = path / "test_data_set_0", [v.name for v in model.graph.input]
    initialized = {i.name for i in model.graph.initializer}
    feeds = {n: read(data / ("input_%d.pb" % k)) for k, n in enumerate(n for n in names if n not in initialized)}
    wide = {n: v.astype(np.float64) if v.dtype == np.float32 else v for n, v in feeds.items()}
    try:
        exact = ReferenceEvaluator(in_double(model)).run(None, wide)
    except Exception:                                   # the evaluator raises whatever its operators do
        return None
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for k, (name, value) in enumerate(feeds.items()):
            np.save("%s/%d.npy" % (folder, k), value)
            arguments += ["--input", "%s=@%s/%d.npy" % (name, folder, k)]
        done = subprocess.run([str(ingot), "run", str(path / "model.onnx"), *arguments, "-o", folder + "/out"],
                              capture_output=True)
        files = sorted(Path(folder, "out").glob("*.npy"), key=lambda f: int(f.stem))
        if done.returncode or len(files) != len(exact):
            return None
        worst = [0.0, 0.0]
        for k, (file, want) in enumerate(zip(files, exact)):
            if want.dtype == np.float64:
                worst[0] = max(worst[0], off(np.load(file), want, scaled))
                worst[1] = max(worst[1], off(read(data / ("output_%d.pb" % k)), want, scaled))
    return worst


def collect(answers, made, table):
    """Of each operator: cases, types, kernels, and the worst ulps of those whose outputs are all f32."""
    elementwise = {(r["domain"], r["name"]) for r in table if r["elementwise"]}
    seen, floats = {}, []
    for case in sorted(made):
        answer, path = answers.get(case), Path(made[case])
        if not answer or answer["status"] != "pass" or not answer["outputs"]:
            continue
        model = onnx.load(path / "model.onnx", load_external_data=False)
        operator = only_operator(model)
        if not operator:
            continue
        entry = seen.setdefault("%s %s" % operator, {"cases": 0, "types": set(), "generated": 0, "portable": 0})
        entry["cases"] += 1
        entry["types"] |= set(value_types((*model.graph.input, *model.graph.output)))
        entry["portable" if answer["portable"] else "generated"] += 1
        if set(value_types(model.graph.output)) == {"f32"}:
            entry["ulp"] = max(entry.get("ulp", 0), answer["max_ulp"])
            entry["ulp_scaled"] = max(entry.get("ulp_scaled", 0), answer["max_ulp_scaled"])
            floats.append((case, operator, answer["max_ulp"], answer["max_ulp_scaled"], operator in elementwise))
    for entry in seen.values():
        entry["types"] = sorted(entry["types"], key=ORDER.index)
    return seen, floats


def measure(ingot, answers, made):
    """What measured.json holds."""
    seen, floats = collect(answers, made, operators(ingot))
    worst = sorted((f for f in floats if (f[2] if f[4] else f[3]) > 1), key=lambda f: -(f[2] if f[4] else f[3]))
    exact = {}
    for case, operator, ulp, scaled, is_elementwise in worst[:3 * WORST_LISTED]:
        found = against_double(ingot, Path(made[case]), not is_elementwise)
        exact[case] = {"operator": operator[1], "elementwise": is_elementwise, "ulp": bucket(ulp),
                       "ulp_scaled": bucket(scaled)}
        if found:
            exact[case]["ours"], exact[case]["reference"] = bucket(round(found[0], 1)), bucket(round(found[1], 1))

    def real(f):
        """What is ours of a difference: that against double precision, where it was evaluated."""
        return exact.get(f[0], {}).get("ours", f[2] if f[4] else f[3])

    summary = {"float_cases": len(floats),
               "median_elementwise": statistics.median(f[2] for f in floats if f[4]),
               "p99": bucket(float(np.percentile([f[3] for f in floats], 99))),
               "p99_ours": bucket(float(np.percentile([real(f) for f in floats], 99)))}
    for entry in seen.values():
        for key in ("ulp", "ulp_scaled"):
            if key in entry:
                entry[key] = bucket(entry[key])
    return {"summary": summary, "operators": dict(sorted(seen.items())), "worst": exact}


def differences(recorded, seen):
    """Sentences on what a run saw that the record does not say: other types or kernels, or numbers that are worse by more
    than the width of vectors explains."""
    for name in sorted({*recorded["operators"], *seen}):
        was, now = recorded["operators"].get(name), seen.get(name)
        if not was or not now:
            yield "%s: %s" % (name, "no case passes any more" if was else "not recorded")
            continue
        for key in ("cases", "types", "generated", "portable"):
            if was[key] != now[key]:
                yield "%s: %s %s, recorded %s" % (name, key, now[key], was[key])
        scaled = now.get("ulp_scaled", 0)
        if scaled > max(2 * was.get("ulp_scaled", 0), 2):
            yield "%s: off by %g steps of the largest element, recorded %g" % (name, scaled, was.get("ulp_scaled", 0))


# ---- the document ----

def operators(ingot):
    done = subprocess.run([str(ingot), "info", "--operators", "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["operators"]


FUNCTION = re.compile(r"^[a-z][^\n;=]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}", re.M | re.S)


def functions_of(text):
    """{name: body} of a C file's functions, as clang-format lays them out."""
    return {m.group(1): m.group(2) for m in FUNCTION.finditer(text)}


def refusals():
    """{importer: [reason...]}: texts of the ingot_node_unsupported calls that it can reach within its file."""
    found = {}
    for file in sorted((ROOT / "frontend").glob("import_*.c")):
        bodies = functions_of(file.read_text())
        for name in bodies:
            if not name.startswith("ingot_import_"):
                continue
            todo, reached, reasons = [name], set(), []
            while todo:
                body = bodies[todo.pop()]
                calls = [c for c in re.findall(r"\b(\w+)\(", body) if c in bodies and c not in reached]
                calls += [c for c in re.findall(r"\b(\w+)[,;)]", body) if c in bodies and c not in reached]
                reached |= set(calls)
                todo += [c for c in dict.fromkeys(calls) if not c.startswith("ingot_import_with")]
                for call in re.findall(r"ingot_node_unsupported\(\w+(?:->\w+)*,\s*((?:\"(?:[^\"\\]|\\.)*\"\s*)+)", body):
                    reasons.append("".join(re.findall(r"\"((?:[^\"\\]|\\.)*)\"", call)).replace('\\"', '"'))
            found[name[len("ingot_import_"):]] = list(dict.fromkeys(reasons))
    return found


def never_imported():
    """Importers that do nothing but refuse."""
    for file in sorted((ROOT / "frontend").glob("import_*.c")):
        for name, body in functions_of(file.read_text()).items():
            calls = set(re.findall(r"\b(\w+)\(", body))
            if name.startswith("ingot_import_") and calls == {"ingot_node_unsupported"}:
                yield name[len("ingot_import_"):]


def plain(reason):
    """A printf format as a sentence."""
    return re.sub(r"%(?:l*[dui]|g|s)", "N", reason).replace("'N'", "...").replace("|", "\\|")


def schema_rows():
    """{(domain, name): versions} of onnx's operators."""
    found = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if not schema.deprecated:
            found.setdefault((schema.domain or "ai.onnx", schema.name), set()).add(schema.since_version)
    return {key: sorted(versions) for key, versions in found.items()}


def kernel_of(entry):
    if not entry["portable"]:
        return "generated"
    return "portable" if not entry["generated"] else "generated, portable in %d of %d" % (entry["portable"], entry["cases"])


def operator_lines(table, measured):
    schemas, limits = schema_rows(), refusals()
    by_name = {}
    for row in table:
        by_name.setdefault((row["domain"], row["name"]), []).append(row)
    never = set(never_imported())
    for domain in sorted({d for d, _ in by_name}):
        yield "\n## %s\n" % domain
        yield "| " + " | ".join(COLUMNS) + " |"
        yield "|---" * len(COLUMNS) + "|"
        for key in sorted(k for k in by_name if k[0] == domain):
            rows, entry = by_name[key], measured["operators"].get("%s %s" % key)
            if rows[0]["importer"] in never:
                continue
            since = ", ".join(str(s) for s in sorted({r["since"] for r in rows}))
            versions = ", ".join(map(str, schemas.get(key, [])))
            reasons = dict.fromkeys(plain(t) for r in rows for t in limits.get(r["importer"], []))
            cells = [key[1], since, versions]
            if entry:
                cells += [" ".join(entry["types"]), kernel_of(entry), str(entry["cases"]),
                          str(entry.get("ulp", "")), str(entry.get("ulp_scaled", ""))]
            else:
                cells += [""] * 5
            yield "| %s | %s |" % (" | ".join(cells), "; ".join(reasons))


def document(ingot):
    table, measured = operators(ingot), json.loads(MEASURED.read_text())
    limits = refusals()
    summary = measured["summary"]
    lines = [
        "# Operators", "",
        "Made by `tests/conformance/operators.py --write`; a test compares.", "",
        "What can be imported, and what ONNX's own operator tests saw of it. **Read from opset**: a row for each",
        "opset from which on an operator is read differently; later forms that only allow more types or operands",
        "share a row. **Types** and **kernels** are those of the cases that consist of the operator alone: what",
        "no emitter takes runs as a portable kernel (design.md, section 5). **Ulp** is the largest difference",
        "from the expected f32 output, in steps between neighbouring numbers; **of largest** counts in steps of",
        "the output's largest element, which is what a sum of both signs can promise. Numbers are rounded up to",
        "powers of two. **Limits** are the refusals that an importer may give, N for a number or name.",
        "", "## How exact", "",
        "| over %d cases with f32 outputs | ulp |" % summary["float_cases"], "|---|---|",
        "| median, elementwise operators, against the expected output | %g |" % summary["median_elementwise"],
        "| 99th percentile, steps of the largest element, against the expected output | %g |" % summary["p99"],
        "| the same, against double precision where the worst cases could be evaluated so | %g |" % summary["p99_ours"], "",
        "The worst case of each operator that is off by more than one. The expected outputs are NumPy's in f32",
        "and rough themselves: the last two columns compare ours, and theirs, with onnx's evaluator in double",
        "precision (elementwise: in steps of each element; others: of the largest).",
        "",
        "| operator | ulp | of largest | ours, double | theirs, double |", "|---|---|---|---|---|"]
    worst = {}
    for entry in measured["worst"].values():
        worst.setdefault(entry["operator"], entry)
    for operator, entry in list(worst.items())[:WORST_LISTED]:
        lines.append("| %s | %d | %d | %s | %s |" % (operator, entry["ulp"], entry["ulp_scaled"], entry.get("ours", ""),
                                                    entry.get("reference", "")))
    lines += operator_lines(table, measured)
    lines += ["\n## Not imported\n", "| operator | why |", "|---|---|"]
    never = set(never_imported())
    for row in sorted((r for r in table if r["importer"] in never), key=lambda r: r["name"]):
        lines.append("| %s.%s | %s |" % (row["domain"], row["name"], "; ".join(map(plain, limits[row["importer"]]))))
    return "\n".join(lines) + "\n"


def main():
    ingot = Path(os.environ.get("INGOT", ROOT / "build" / "ingot"))
    text = document(ingot)
    if "--write" in sys.argv[1:]:
        DOC.write_text(text)
    elif not DOC.exists() or DOC.read_text() != text:
        sys.exit("docs/operators.md is out of date: tests/conformance/operators.py --write")


if __name__ == "__main__":
    main()
