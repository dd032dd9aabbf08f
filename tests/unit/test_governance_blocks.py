"""A protocol's text is cut and put together again, and no other letter of it changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.governance import blocks, texts
from booking.governance.blocks import NotBlocks
from tests.small_protocol import CASES, DOCUMENT, ENGLISH

SHIPPED = texts.delivered()
NAMES = list(blocks.blocks(SHIPPED.document))


@pytest.mark.parametrize("document", [DOCUMENT, SHIPPED.document], ids=["small", "shipped"])
def test_every_block_put_back_gives_the_same_text(document):
    for block in blocks.blocks(document).values():
        assert blocks.replaced(document, block, block.text) == document


@settings(max_examples=12)
@given(st.sampled_from(NAMES))
def test_removing_a_block_leaves_all_others_letter_for_letter(name):
    before = blocks.blocks(SHIPPED.document)

    after = blocks.blocks(blocks.replaced(SHIPPED.document, before[name], ""))

    assert {n: b.text for n, b in before.items() if n != name} == {
        n: b.text for n, b in after.items()
    }


def test_a_complaint_is_shown_from_its_dash_without_the_margin():
    block = blocks.blocks(DOCUMENT)["motif:gorge"]

    assert block.text.startswith('- id: gorge\n  title: "Mal de gorge"\n')
    assert block.text.endswith('avaler ou respirer devient difficile."')


def test_a_line_of_the_text_is_found_again_in_the_block():
    block = blocks.blocks(DOCUMENT)["motif:gorge"]
    line = DOCUMENT.splitlines().index('    title: "Mal de gorge"') + 1

    assert block.line_here(line) == 2
    assert block.line_here(block.last + 1) is None


def test_comments_between_blocks_stay_where_they_are():
    block = blocks.blocks(DOCUMENT)["groups"]

    changed = blocks.replaced(DOCUMENT, block, 'groups:\n  corps: "Corps"')

    assert 'groups:\n  corps: "Corps"\n\n# Lue à tous.\nuniversal:' in changed


def test_what_was_typed_may_have_any_margin_and_line_ends():
    block = blocks.blocks(DOCUMENT)["motif:gorge"]
    typed = "\r\n".join("        " + line for line in block.text.splitlines())

    assert blocks.replaced(DOCUMENT, block, typed) == DOCUMENT


@pytest.mark.parametrize("text", [DOCUMENT, CASES, ENGLISH], ids=["protocol", "cases", "english"])
def test_a_version_number_is_changed_and_nothing_else(text):
    changed = blocks.with_version(text, 12)

    assert blocks.version_of(changed) == 12
    assert changed.replace("version: 12", "version: 1") == text


def test_the_cases_of_a_complaint_are_taken_out_and_put_back():
    theirs = blocks.cases_of(CASES, "gorge")

    assert theirs.count("- {id: gorge_") == 3
    assert blocks.with_cases(CASES, "gorge", theirs) == CASES
    assert blocks.cases_of(blocks.with_cases(CASES, "gorge", ""), "gorge") == ""


def test_the_first_cases_of_a_new_complaint_come_last():
    new = '- {id: nez, says: "Mon nez coule beaucoup.", complaints: [nez]}'

    written = blocks.with_cases(CASES, "nez", new)

    assert written == f"{CASES}  {new}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [", 2),
        ("- a", 1),
        ("complaints:\n  - {id: a}\n  - {id: a}\n", 3),
        ("complaints:\n  - {title: sans nom}\n", 2),
        ("complaints: [{id: a}, {id: b}]\n", 1),
        ("complaints:\n  - &a {id: a}\n  - {id: b}\n  - *a\n", 3),
        ("complaints:\n  - id: a\n   title: mal aligné\n", 3),
        ("a: \x07\n", None),
    ],
)
def test_what_cannot_be_cut_says_where(text, line):
    with pytest.raises(NotBlocks) as refused:
        blocks.blocks(text)

    assert refused.value.line == line


@given(st.text())
def test_any_text_is_cut_or_refused(text):
    try:
        cut = blocks.blocks(text)
    except NotBlocks:
        return
    for block in cut.values():
        assert 1 <= block.first <= block.last
