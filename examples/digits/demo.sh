#!/usr/bin/env bash
# Compiles digits.onnx, links it into demo.c and runs that: demo.sh [IMAGE.npy...]. Called by `./dev demo`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/build/demo
images=("$@")
((${#images[@]})) || images=("$here/digit_3.npy")

started=$(date +%s%N)
"$root/build/ingot" compile "$here/digits.onnx" -o "$out"
compiled=$(date +%s%N)
cc -std=c11 -O2 -I "$out" "$here/demo.c" "$out/digits.a" -lm -lpthread -o "$out/demo"
printf '\n'
"$out/demo" "$out/digits.weights" "${images[@]}"
printf '\n  compiled in %d ms; the artifact: %s\n' $(((compiled - started) / 1000000)) "${out#"$PWD"/}"
(cd "$out" && ls -l digits.h digits.a digits.weights digits.json | awk '{printf "    %9d bytes  %s\n", $5, $NF}')
printf '  other digits: ./dev demo examples/digits/digit_7.npy\n'
