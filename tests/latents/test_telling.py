"""What a query is told: by the tokens of its own word, for its own place."""

from __future__ import annotations

import torch

from empatheia.latents.places import PlaceEncoder, Places, places_of_words, stack_places
from empatheia.latents.telling import Telling
from empatheia.nn.query_vae import QueryVAE, QueryVAEConfig, Side

TOKENS = [0, 1, 1, 2]  # one, two and one token of three words
SOUNDS = [0, 0, 1, 1, 1, -1, 2]  # and their sounds, with a pause after the second


def told(states: torch.Tensor, sounds: list[int] = SOUNDS) -> torch.Tensor:
    """(sound, dim) that is added to what is known of the places."""
    torch.manual_seed(0)
    encoder, telling = PlaceEncoder(8), Telling(6, 16, 8, 4)
    places = places_of_words(sounds)
    known = encoder(places)
    found = telling(states, places_of_words(TOKENS), places, known)
    assert found.told is not None
    assert found.known is known.known
    return found.told[0]


def test_only_the_tokens_of_its_own_word_tell() -> None:
    states = torch.randn(1, 4, 6)
    before = told(states)
    changed = states.clone()
    changed[:, 2] = torch.randn(6)  # the second word's second token
    moved = (told(changed) - before).abs().amax(-1) > 1e-6
    assert moved.tolist() == [False, False, True, True, True, True, False]


def test_each_place_of_a_word_is_told_something_else() -> None:
    found = told(torch.randn(1, 4, 6))
    assert not torch.allclose(found[0], found[1], atol=1e-3)
    assert not torch.allclose(found[4], found[5], atol=1e-3)  # a sound and the pause after it


def test_later_tokens_count_from_the_end_of_a_word() -> None:
    """An ending says the same whether two or three sounds are before it."""
    states = torch.randn(1, 4, 6)
    states[:, 1] = 0.0  # LayerNorm of zeros is the same for both words
    short = told(states, [0, 1, 1, 2])
    long = told(states, [0, 1, 1, 1, 2])
    first = told(torch.zeros(1, 4, 6), [0, 1, 1, 2]), told(torch.zeros(1, 4, 6), [0, 1, 1, 1, 2])
    ending = short[2] - first[0][2], long[3] - first[1][3]
    assert torch.allclose(ending[0], ending[1], atol=1e-5)


def test_padding_neither_tells_nor_is_told() -> None:
    torch.manual_seed(0)
    encoder, telling = PlaceEncoder(8), Telling(6, 16, 8, 4)
    tokens = stack_places([places_of_words(TOKENS), places_of_words([0])])
    places = stack_places([places_of_words(SOUNDS), places_of_words([0, 0])])
    states = torch.randn(2, 4, 6)
    both = telling(states, tokens, places, encoder(places)).told
    one = places_of_words([0, 0])
    short = Places(*(getattr(tokens, n)[1:, :1] for n in Places.__slots__))
    alone = telling(states[1:, :1], short, one, encoder(one)).told
    assert both is not None
    assert alone is not None
    assert torch.allclose(both[1, :2], alone[0], atol=1e-6)
    assert not both[1, 2:].any()


def test_what_is_told_goes_through_z() -> None:
    """A decoder that heard it would need no z (posterior collapse)."""
    torch.manual_seed(0)
    block = QueryVAE(QueryVAEConfig(6, 5, 10, 8, 2, 16, 4, 1, 0.0)).eval()
    states, real = torch.randn(1, 3, 6), torch.ones(1, 4, dtype=torch.bool)
    source, told = Side(torch.ones(1, 3, dtype=torch.bool)), torch.randn(1, 4, 8)
    plain, with_it = (block(states, source, Side(real, told=t)) for t in (None, told))
    assert not torch.allclose(plain.values, with_it.values, atol=1e-3)
    with torch.no_grad():
        for part in (block.gauss[1].weight, block.gauss[1].bias):
            part.zero_()  # z says nothing
    plain, with_it = (block(states, source, Side(real, told=t)) for t in (None, told))
    assert torch.equal(plain.values, with_it.values)
