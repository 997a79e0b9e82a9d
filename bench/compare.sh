#!/usr/bin/env bash
# Times ONNX Runtime, OpenVINO and Ingot side by side on a list of models and prints the table (bench/peers/peers.py).
# Called by `./dev bench`, which makes the Python environment; PYTHON names its interpreter.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

usage() {
    cat <<'END'
usage: ./dev bench [-m REGEX] [-t THREADS] [-p PEERS] [-o RESULTS.csv] [-- OPTION...]

  -m REGEX    entries of tests/models/manifest.json and manifest-int8.json, by name
              (default: ResNet-50, MobileNetV2, ViT-B/16, BERT-base, a GPT-2 step)
  -t THREADS  default 1,2
  -p PEERS    default ort,openvino,ingot
  -o FILE     default build/bench/results.csv; the table goes to stdout
  -- OPTION   more options of peers.py run, e.g. --rounds 3
END
}

models='^(resnet50\.b1|mobilenet_v2\.b1|vit_b_16\.b1|bert_base\.b1_s128|gpt2_decode\.b1_p128)$'
threads=1,2 peers=ort,openvino,ingot results=$root/build/bench/results.csv
while getopts m:t:p:o:h option; do
    case $option in
    m) models=$OPTARG ;;
    t) threads=$OPTARG ;;
    p) peers=$OPTARG ;;
    o) results=$OPTARG ;;
    h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))

python=${PYTHON:-python3}
sources=${INGOT_MODELS:-$root/build/models}
ingot="cmd:ingot='$root/build/ingot' bench --serve {model} --threads {threads} --inputs {inputs}"
peers=$("$python" -c 'import sys; print(",".join("\"%s\"" % sys.argv[2] if p == "ingot" else p for p in sys.argv[1].split(",")))' \
    "$peers" "$ingot")
mkdir -p "$(dirname "$results")"
"$python" "$root/tests/models/cases.py" --sources "$sources" --manifest "$results.manifest.json" --match "$models" >&2
"$python" "$here/peers/peers.py" run --models "$results.manifest.json" --threads "$threads" --peers "$peers" \
    --out "$results" "$@" >&2
"$python" "$here/peers/peers.py" table "$results"
