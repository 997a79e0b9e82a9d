"""What the scripts here share: the manifests' entries, and the options of `ingot` that fix their input shapes."""
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"


def add_options(parser):
    parser.add_argument("--ingot", default=str(ROOT / "build" / "ingot"))
    parser.add_argument("--sources", type=Path, default=os.environ.get("INGOT_MODELS", ROOT / "build" / "models"),
                        help="folder of the full models; those missing are made")
    parser.add_argument("--match", default="", metavar="REGEX", help="only entries whose name it is found in")


def entries(options):
    """The manifests' entries, their models made, with "path" absolute and "model" the model's stem."""
    BUILD.mkdir(parents=True, exist_ok=True)
    manifest = BUILD / ("manifest.%d.json" % os.getpid())
    try:
        subprocess.run([sys.executable, str(ROOT / "tests" / "models" / "cases.py"), "--sources", str(options.sources),
                        "--manifest", str(manifest), "--match", options.match], check=True, stdout=sys.stderr)
        return json.loads(manifest.read_text())
    finally:
        manifest.unlink(missing_ok=True)


def shape_options(entry):
    return ["--shape=%s=%s" % (name, "x".join(map(str, spec["shape"])))
            for name, spec in entry["inputs"].items() if spec["shape"]]
