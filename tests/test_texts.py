"""The page's words: the same in every language, and none that a browser could take for a value."""

from string import Formatter

import pytest

from nst.page.texts import TEXTS
from nst.page.times import HOWS
from nst.settings import KNOBS, PRESETS

EN = TEXTS["en"]


def places(sentence: str) -> set[str]:
    """The names that are filled in."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("language", TEXTS)
def test_every_language_says_the_same(language):
    assert TEXTS[language].keys() == EN.keys()
    assert {key: places(text) for key, text in TEXTS[language].items()} == {
        key: places(text) for key, text in EN.items()
    }


def test_no_text_is_called_as_a_value_that_the_page_sends():
    """Gradio translates every string that equals a text's key, a component's value too, which would become a label."""
    values = {choice for knob in KNOBS.values() for choice in knob.choices or ()}
    assert not (values | set(PRESETS) | set(HOWS)) & EN.keys()
