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

[ $# -gt 0 ] || { echo "usage: runs/paper.sh DATA [OUT]" >&2; exit 2; }
DATA=$1
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

# --- what it needs, all of it before anything is done ----------------------------------------------

missing=0
need() { # need FILE VALUE WHAT TO DO: said unless FILE is there or VALUE is not empty
    if [ -e "$1" ] || [ -n "$2" ]; then return; fi
    echo "missing: $3" >&2
    missing=1
}
there() { if [ -e "$1" ]; then echo "$1"; fi; }

need "$DATA/manifest.jsonl" "" \
    "$DATA/manifest.jsonl: give a folder of 'empatheia data import' or 'data render'"
need "$MODELS/face.safetensors" "$(there "$MODELS/face.pth")" \
    "$MODELS/face.pth: 'empatheia weights list' says how to get $FACE"
need "$MODELS/renderer.safetensors" "$(there "$MODELS/renderer.pt")" \
    "$MODELS/renderer.pt: 'empatheia weights list' says how to get pirenderer"
need "$MODELS/voice-styles.safetensors" "${VOICE_CLIPS:-}" \
    "VOICE_CLIPS: set it to a folder with recordings of each emotion (docs/paper.md)"
need "$MODELS/face-styles.safetensors" "${FACE_CLIPS:-}" \
    "FACE_CLIPS: set it to a folder with coefficients of each emotion (docs/paper.md)"
need "$OUT/joint/reasoner.safetensors" "${EMPATHEIA_3DMM:-}" \
    "EMPATHEIA_3DMM: set it to your program for face coefficients (docs/paper.md)"
[ "$missing" = 0 ] || [ -n "${DRY:-}" ] || exit 2

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
step "$MODELS/face.safetensors" "$EMPATHEIA" weights convert "$FACE" "$MODELS/face.pth" \
    -o "$MODELS/face.safetensors"
step "$MODELS/renderer.safetensors" "$EMPATHEIA" weights convert pirenderer \
    "$MODELS/renderer.pt" -o "$MODELS/renderer.safetensors"

# --- mean styles --------------------------------------------------------------------------------

step "$MODELS/voice-styles.safetensors" "$EMPATHEIA" weights styles voice \
    "$MODELS/voice.safetensors" "${VOICE_CLIPS:-VOICE_CLIPS}" -o "$MODELS/voice-styles.safetensors"
step "$MODELS/face-styles.safetensors" "$EMPATHEIA" weights styles face \
    "$MODELS/face.safetensors" "${FACE_CLIPS:-FACE_CLIPS}" -o "$MODELS/face-styles.safetensors"

# --- training and tables ------------------------------------------------------------------------

TRAIN=("$EMPATHEIA")
SHARDED=()
if [ "$GPUS" -gt 1 ]; then
    TRAIN=(torchrun --nproc-per-node "$GPUS" -m empatheia)
    SHARDED=(--set loop.deepspeed=zero2)
fi
step "$OUT/joint/reasoner.safetensors" "${TRAIN[@]}" train all --preset "$PRESET" \
    --data "$DATA" -o "$OUT" --resume "${SHARDED[@]}"
scores=()
for system in pipeline direct empatheia; do
    step "$OUT/scores-$system/scores.json" "$EMPATHEIA" evaluate all --data "$DATA" \
        --preset "$PRESET" --system "$system" --weights "$OUT/joint" -o "$OUT/scores-$system"
    scores+=(--scores "$OUT/scores-$system")
done
if [ "$FACE" = styletalk ]; then
    echo "left out: faces to the references' own sound (predict --teacher-forced): StyleTalk needs" \
        "phoneme times, which recordings do not have; FACE=dreamtalk hears them" >&2
else
    step "$OUT/forced/done" "$EMPATHEIA" predict --data "$DATA" --preset "$PRESET" \
        --weights "$OUT/joint" --teacher-forced -o "$OUT/forced"
    [ -n "${DRY:-}" ] || touch "$OUT/forced/done"
    step "$OUT/scores-forced/scores.json" "$EMPATHEIA" evaluate video --data "$DATA" \
        --predictions "$OUT/forced" -o "$OUT/scores-forced"
    scores+=(--scores "$OUT/scores-forced")
fi

# --- the page -----------------------------------------------------------------------------------

# made afresh each time, of what there is
step "$OUT/none" "$EMPATHEIA" report "${scores[@]}" --data "$DATA" \
    --predictions "$OUT/scores-empatheia" --pipeline "$OUT/scores-pipeline" -o "$OUT/report.html"
