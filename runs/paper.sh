#!/usr/bin/env bash
# The paper's system from download to tables: models, mean styles, four stages, evaluation.
#
#     runs/paper.sh DATA [OUT]          DATA: a folder with manifest.jsonl, recordings and videos
#     DRY=1 runs/paper.sh DATA OUT      only prints the commands
#
# MODELS (default: models) is filled as far as it can be: what must be asked for (DreamTalk) or
# fetched by hand (StyleTalk, PIRenderer) is expected as $MODELS/face.pth and $MODELS/renderer.pt.
# VOICE_CLIPS and FACE_CLIPS are folders for mean styles (docs/paper.md). BACKBONE: vicuna,
# flan-t5-xxl, chatglm3 or glm4. FACE: dreamtalk or styletalk. GPUS: how many train together.
# Killed at any moment, the same command goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

DATA=${1:?usage: runs/paper.sh DATA [OUT]}
OUT=${2:-runs/paper}
MODELS=${MODELS:-models}
BACKBONE=${BACKBONE:-vicuna}
FACE=${FACE:-styletalk}
GPUS=${GPUS:-1}
EMPATHEIA=${EMPATHEIA:-empatheia}
PRESET=paper
[ "$BACKBONE" = vicuna ] || PRESET=paper-$BACKBONE
export EMPATHEIA_MODELS=$MODELS

step() { # step FILE COMMAND...: unless FILE is there
    local made=$1
    shift
    if [ -n "${DRY:-}" ]; then printf '%s\n' "$*"; return; fi
    if [ -e "$made" ]; then echo "there: $made"; return; fi
    echo "+ $*"
    "$@"
}
expect() { # expect FILE WHAT TO DO
    if [ -z "${DRY:-}" ] && [ ! -e "$1" ]; then echo "missing: $1: $2" >&2; exit 2; fi
}

expect "$DATA/manifest.jsonl" "give a folder of 'empatheia data import' or 'data render'"

# --- models -------------------------------------------------------------------------------------

for name in "$BACKBONE" hubert clip wav2vec2; do
    [ "$FACE" = styletalk ] && [ "$name" = wav2vec2 ] && continue
    # a download that was stopped goes on, so its mark is set only when it has ended
    step "$MODELS/$name/.whole" "$EMPATHEIA" weights get "$name" -o "$MODELS"
    [ -n "${DRY:-}" ] || touch "$MODELS/$name/.whole"
done
VOICE=$MODELS/epochs_2nd_00020.pth
step "$VOICE" "$EMPATHEIA" weights get styletts2-libritts -o "$MODELS"
step "$MODELS/voice.safetensors" "$EMPATHEIA" weights convert styletts2 "$VOICE" \
    --config "$MODELS/styletts2-libritts-config.yml" -o "$MODELS/voice.safetensors"
expect "$MODELS/face.pth" "'empatheia weights list' says how to get $FACE"
step "$MODELS/face.safetensors" "$EMPATHEIA" weights convert "$FACE" "$MODELS/face.pth" \
    -o "$MODELS/face.safetensors"
expect "$MODELS/renderer.pt" "'empatheia weights list' says how to get pirenderer"
step "$MODELS/renderer.safetensors" "$EMPATHEIA" weights convert pirenderer \
    "$MODELS/renderer.pt" -o "$MODELS/renderer.safetensors"

# --- mean styles --------------------------------------------------------------------------------

[ -n "${DRY:-}" ] || [ -e "$MODELS/voice-styles.safetensors" ] || : "${VOICE_CLIPS:?recordings of each emotion}"
step "$MODELS/voice-styles.safetensors" "$EMPATHEIA" weights styles voice \
    "$MODELS/voice.safetensors" "${VOICE_CLIPS:-VOICE_CLIPS}" -o "$MODELS/voice-styles.safetensors"
[ -n "${DRY:-}" ] || [ -e "$MODELS/face-styles.safetensors" ] || : "${FACE_CLIPS:?coefficients of each emotion}"
step "$MODELS/face-styles.safetensors" "$EMPATHEIA" weights styles face \
    "$MODELS/face.safetensors" "${FACE_CLIPS:-FACE_CLIPS}" -o "$MODELS/face-styles.safetensors"

# --- training and tables ------------------------------------------------------------------------

[ -n "${DRY:-}" ] || : "${EMPATHEIA_3DMM:?a program for face coefficients (docs/paper.md)}"
TRAIN=("$EMPATHEIA")
SHARDED=()
if [ "$GPUS" -gt 1 ]; then
    TRAIN=(torchrun --nproc-per-node "$GPUS" -m empatheia)
    SHARDED=(--set loop.deepspeed=zero2)
fi
step "$OUT/joint/reasoner.safetensors" "${TRAIN[@]}" train all --preset "$PRESET" \
    --data "$DATA" -o "$OUT" --resume "${SHARDED[@]}"
for system in pipeline direct empatheia; do
    step "$OUT/scores-$system/scores.json" "$EMPATHEIA" evaluate all --data "$DATA" \
        --preset "$PRESET" --system "$system" --weights "$OUT/joint" -o "$OUT/scores-$system"
done
