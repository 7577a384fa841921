#!/usr/bin/env bash
# Every figure of docs/results.md: the shipped `small` and its pipeline, and what they have to beat.
# What is there already is not made again, so that the same command goes on where it was stopped.
#
#     runs/results.sh DATA [OUT]        OUT is runs/results by default
#     N=20 runs/results.sh DATA OUT     replies with sound and pictures (100 by default)
#     SHORT= runs/results.sh DATA OUT   Multi-TRS and MoEL for as long as their recipe says
#     DRY=1 runs/results.sh DATA OUT    only prints the commands
#
# MARKS is a Python that has mediapipe 0.10.21; without it nothing is said of lips, eyes and faces.
# RENDERED is a set of `empatheia data render`: references with sound and pictures; ablations are
# trained on it (ABLATE are options for that, as ABLATE="--seeds 1 --set loop.steps=200").
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || { echo "usage: runs/results.sh DATA [OUT]" >&2; exit 2; }
DATA=$1
OUT=${2:-runs/results}
N=${N:-100}
MARKS=${MARKS:-}
RENDERED=${RENDERED:-}
ABLATE=${ABLATE:-}
SYSTEMS="direct pipeline"
if [ -e src/empatheia/weights/expression.safetensors ]; then SYSTEMS+=" empatheia"; fi
BASELINES=${BASELINES:-"majority tfidf multi-trs moel"}
# Two passes over the replies; the recipe's own 15,000 steps of 16 are six.
SHORT=${SHORT-"batch_size=32 loop.steps=2500 loop.lr=1e-3 loop.warmup=200 loop.validate_every=1250"}
VALID=$DATA/empathetic_dialogues/valid.jsonl
TRAIN=$DATA/empathetic_dialogues/train.jsonl

step() { # step RESULT COMMAND...: not done again where RESULT is there
    local result=$1
    shift
    if [ -e "$result" ]; then return; fi
    printf '$'; printf ' %q' "$@"; echo
    [ "${DRY:-0}" = 1 ] || "$@"
}

marks() { # marks FOLDER: landmarks beside its videos
    [ -z "$MARKS" ] || step "$1/landmarks" env PYTHONPATH=src "$MARKS" \
        -m empatheia.evaluation.face_landmarks "$1"
    [ "${DRY:-0}" = 1 ] || [ -z "$MARKS" ] || touch "$1/landmarks"
}

predict() { # predict FOLDER OPTIONS...: replies with sound and pictures
    step "$1/done" empatheia predict "${@:2}" -o "$1"
    [ "${DRY:-0}" = 1 ] || touch "$1/done"
}

# --- text: all replies of valid -----------------------------------------------------------------

scores=()
for system in direct pipeline; do
    step "$OUT/scores/text-$system/scores.json" empatheia evaluate text --data "$VALID" \
        --system "$system" --train "$TRAIN" -o "$OUT/scores/text-$system"
    scores+=(--scores "$OUT/scores/text-$system")
done
for name in $BASELINES; do
    changes=()
    for change in $SHORT; do changes+=(--set "$change"); done
    step "$OUT/$name/predictions.jsonl" empatheia train baseline "$name" --data "$DATA" \
        -o "$OUT/$name" --resume ${changes[@]+"${changes[@]}"}
    step "$OUT/scores/$name/scores.json" empatheia evaluate text --data "$VALID" \
        --predictions "$OUT/$name" --train "$TRAIN" -o "$OUT/scores/$name"
    scores+=(--scores "$OUT/scores/$name")
done

# --- sound and pictures: N replies, evenly spread -----------------------------------------------

mead=()
if [ -n "$MARKS" ] && [ -d "$DATA/mead/video" ]; then
    [ "${DRY:-0}" = 1 ] || { mkdir -p "$OUT/mead" && cp -n "$DATA"/mead/video/*.mp4 "$OUT/mead"; }
    marks "$OUT/mead"
    mead=(--mead "$OUT/mead")
fi
compared=()
for system in $SYSTEMS; do
    made=$OUT/$system
    [ -e "$OUT/scores/$system/scores.json" ] ||
        predict "$made" --data "$VALID" --limit "$N" --media --system "$system"
    marks "$made/media"
    step "$OUT/scores/$system/scores.json" empatheia evaluate all --data "$VALID" --limit "$N" \
        --predictions "$made" --ravdess "$DATA/ravdess" ${mead[@]+"${mead[@]}"} \
        -o "$OUT/scores/$system"
    scores+=(--scores "$OUT/scores/$system")
    compared+=(--predictions "$made")
done
step "$OUT/compared/compare.json" empatheia evaluate compare --data "$VALID" --limit "$N" \
    "${compared[@]}" -o "$OUT/compared"
if [ -n "$RENDERED" ]; then
    predict "$OUT/forced" --data "$RENDERED/manifest.jsonl" --teacher-forced
    marks "$OUT/forced/media"
    marks "$RENDERED/media"
    step "$OUT/scores/forced/scores.json" empatheia evaluate video \
        --data "$RENDERED/manifest.jsonl" --predictions "$OUT/forced" -o "$OUT/scores/forced"
    scores+=(--scores "$OUT/scores/forced")
fi

# --- what the parts are for: ablations, and features with and without the disentangler ------------

features=()
if [ -n "$RENDERED" ]; then
    # shellcheck disable=SC2086  # several options
    step "$OUT/ablation/ablation.json" empatheia ablate --data "$RENDERED" -o "$OUT/ablation" $ABLATE
    scores+=(--scores "$OUT/ablation/ablation.json")
    for kind in full no-sd; do
        step "$OUT/$kind.npz" empatheia evaluate features --data "$RENDERED/manifest.jsonl" \
            --weights "$OUT/ablation/$kind/seed-0/joint" -o "$OUT/$kind.npz"
    done
    features=(--features "$OUT/full.npz" --features-without "$OUT/no-sd.npz")
fi

# --- the page -----------------------------------------------------------------------------------

step "$OUT/none" empatheia report "${scores[@]}" --data "$VALID" --predictions "$OUT/direct" \
    --text "$OUT/scores/text-direct" --pipeline "$OUT/pipeline" \
    ${features[@]+"${features[@]}"} -o "$OUT/report.html"
