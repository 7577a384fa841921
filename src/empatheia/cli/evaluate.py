"""``empatheia evaluate text | speech | video | consistency | all``: the numbers, on any data.

They score ready predictions, or make them first with a preset of ours.
"""

from __future__ import annotations

import typer

from empatheia.cli.evaluate_predictions import (
    KINDS,
    AvsyncOption,
    ChainsOption,
    DataOption,
    GreedyOption,
    InceptionOption,
    LimitOption,
    MeadOption,
    OutOption,
    OwnPresetOption,
    OwnSystemOption,
    PredictionsOption,
    RavdessOption,
    Source,
    SyncnetOption,
    TrainOption,
    WeightsOption,
    score,
)


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    from empatheia.cli import (
        evaluate_care,
        evaluate_chain,
        evaluate_face,
        evaluate_features,
        evaluate_judge,
        evaluate_media,
        evaluate_senses,
        evaluate_voice,
    )

    group = typer.Typer(no_args_is_help=True)
    for command in (text, speech, video, consistency):
        group.command()(command)
    group.command("all")(everything)
    evaluate_care.register(group)
    evaluate_voice.register(group)
    evaluate_face.register(group)
    evaluate_media.register(group)
    evaluate_features.register(group)
    evaluate_judge.register(group)
    evaluate_senses.register(group)
    evaluate_chain.register(group)
    app.add_typer(group, name="evaluate", help="Measure a system on data.")


def text(
    data: DataOption,
    out: OutOption,
    predictions: PredictionsOption = None,
    preset: OwnPresetOption = None,
    system: OwnSystemOption = None,
    weights: WeightsOption = None,
    limit: LimitOption = None,
    greedy: GreedyOption = False,
    train: TrainOption = None,
    chains: ChainsOption = None,
) -> None:
    """Emotion accuracy, chain, Dist-1/2, perplexity, likeness to people's replies."""
    source = Source(data, predictions, preset, system, weights, limit, greedy)
    score(("text",), source, out, train=train, chains=chains)


def speech(
    data: DataOption,
    out: OutOption,
    predictions: PredictionsOption = None,
    preset: OwnPresetOption = None,
    system: OwnSystemOption = None,
    weights: WeightsOption = None,
    limit: LimitOption = None,
    ravdess: RavdessOption = None,
) -> None:
    """Word errors, signal quality, likeness of the speaker, prosody, emotion as heard."""
    source = Source(data, predictions, preset, system, weights, limit)
    score(("speech",), source, out, ravdess=ravdess)


def video(
    data: DataOption,
    out: OutOption,
    predictions: PredictionsOption = None,
    preset: OwnPresetOption = None,
    system: OwnSystemOption = None,
    weights: WeightsOption = None,
    limit: LimitOption = None,
    syncnet: SyncnetOption = None,
    avsync: AvsyncOption = None,
    inception: InceptionOption = None,
) -> None:
    """Sharpness, likeness to the reference, lip-sync, blinks; landmarks beside the videos."""
    source = Source(data, predictions, preset, system, weights, limit)
    score(("video",), source, out, syncnet=syncnet, avsync=avsync, inception=inception)


def consistency(
    data: DataOption,
    out: OutOption,
    predictions: PredictionsOption = None,
    preset: OwnPresetOption = None,
    system: OwnSystemOption = None,
    weights: WeightsOption = None,
    limit: LimitOption = None,
    ravdess: RavdessOption = None,
    mead: MeadOption = None,
) -> None:
    """Whether text, voice and person agree, and the confusion of emotions."""
    source = Source(data, predictions, preset, system, weights, limit)
    score(("consistency",), source, out, ravdess=ravdess, mead=mead)


def everything(
    data: DataOption,
    out: OutOption,
    predictions: PredictionsOption = None,
    preset: OwnPresetOption = None,
    system: OwnSystemOption = None,
    weights: WeightsOption = None,
    limit: LimitOption = None,
    train: TrainOption = None,
    chains: ChainsOption = None,
    ravdess: RavdessOption = None,
    syncnet: SyncnetOption = None,
    avsync: AvsyncOption = None,
    inception: InceptionOption = None,
    mead: MeadOption = None,
) -> None:
    """Text, speech, video and consistency in one scores.json."""
    source = Source(data, predictions, preset, system, weights, limit)
    tools = {"ravdess": ravdess, "syncnet": syncnet, "avsync": avsync, "mead": mead}
    tools["inception"] = inception
    score(KINDS, source, out, train=train, chains=chains, **tools)
