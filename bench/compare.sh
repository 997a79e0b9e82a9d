#!/usr/bin/env bash
# Times ONNX Runtime, OpenVINO and Ingot side by side (bench/peers/peers.py), and, when asked, the rest of what
# docs/performance.md shows. Called by `./dev bench`, which makes the Python environment; PYTHON names its interpreter.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

usage() {
    cat <<'END'
usage: ./dev bench [-a] [-m REGEX] [-t THREADS] [-p PEERS] [-s PARTS] [-o RESULTS.csv] [-d DOCUMENT.md] [-- OPTION...]

  -a          everything: all entries, all parts, written to docs/performance.md (hours, on a quiet machine)
  -m REGEX    entries of tests/models/manifest.json and manifest-int8.json, by name
              (default: ResNet-50, MobileNetV2, ViT-B/16, BERT-base, a GPT-2 step)
  -t THREADS  default 1,2
  -p PEERS    default ort,openvino,ingot
  -s PARTS    of peers, dynamic, compile, kernels; default peers. `dynamic`: sizes left open against sizes fixed;
              `compile`: time and memory of compiles; `kernels`: the suite bench/kernels.txt
  -o FILE     default build/bench/results.csv; the table goes to stdout
  -d FILE     write the document there, from the parts measured in this run
  -- OPTION   more options of peers.py run, e.g. --rounds 3
END
}

models='^(resnet50\.b1|mobilenet_v2\.b1|vit_b_16\.b1|bert_base\.b1_s128|gpt2_decode\.b1_p128)$'
threads=1,2 peers=ort,openvino,ingot parts=peers results=$root/build/bench/results.csv document=
call="./dev bench${*:+ $*}"
while getopts am:t:p:s:o:d:h option; do
    case $option in
    a) models='' parts=peers,dynamic,compile,kernels document=$root/docs/performance.md ;;
    m) models=$OPTARG ;;
    t) threads=$OPTARG ;;
    p) peers=$OPTARG ;;
    s) parts=$OPTARG ;;
    o) results=$OPTARG ;;
    d) document=$OPTARG ;;
    h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
for part in ${parts//,/ }; do
    [[ " peers dynamic compile kernels " == *" $part "* ]] || { usage >&2; exit 2; }
done
measures() { [[ ,$parts, == *,$1,* ]]; }

python=${PYTHON:-python3}
export INGOT=${INGOT:-$root/build/ingot} INGOT_MODELS=${INGOT_MODELS:-$root/build/models}
folder=$(dirname "$results")
mkdir -p "$folder"
sections=(--command "$call")
if measures peers; then
    "$python" "$root/tests/models/cases.py" --sources "$INGOT_MODELS" --manifest "$results.manifest.json" \
        --match "$models" >&2
    "$python" "$here/peers/peers.py" run --models "$results.manifest.json" --threads "$threads" --peers "$peers" \
        --out "$results" "$@" >&2
    "$python" "$here/peers/peers.py" table "$results"
fi
if measures dynamic; then
    "$python" "$here/dynamic.py" --ingot "$INGOT" --match "$models" --json "$folder/dynamic.json" -- "$@"
    sections+=(--dynamic "$folder/dynamic.json")
fi
if measures compile; then
    "$python" "$here/compile_cost.py" --ingot "$INGOT" --match "$models" --json "$folder/compile.json"
    sections+=(--compile "$folder/compile.json")
fi
if measures kernels; then
    suite=("$INGOT" bench --kernel-suite "$here/kernels.txt" --cpu native --threads 1)
    "${suite[@]}" --json >"$folder/kernels.jsonl"
    sections+=(--kernels "$folder/kernels.jsonl" --command "${suite[*]/#$root\//}")
fi
if [[ $document ]]; then
    "$python" "$here/performance.py" "$results" "${sections[@]}" --out "$document"
fi
