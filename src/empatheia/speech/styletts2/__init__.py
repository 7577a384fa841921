"""StyleTTS2 (Li et al., 2023), the speech generator of the paper, for the weights others published.

One set of classes holds the multi-speaker LibriTTS network, the LJSpeech one and Kokoro-82M; which
of them it is says :class:`~empatheia.speech.styletts2.config.StyleTTS2Config`.
"""
