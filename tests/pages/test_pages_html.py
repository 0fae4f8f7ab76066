"""Every page is valid, stands alone, is small, and can be read by whoever cannot see or point."""

import re
from itertools import pairwise

import pytest
from pagecells import HTML, MATH, PAGES, SVG, by_id, parsed, tag, text, tree, words

LARGEST = 1_500_000


@pytest.mark.parametrize("name", PAGES)
def test_it_is_valid_html(name):
    root, errors = parsed(text(name))
    assert errors == []
    assert root.get("lang") == "en"


@pytest.mark.parametrize("name", PAGES)
def test_it_is_small_and_asks_for_nothing(name):
    html = text(name)
    assert len(html.encode()) <= LARGEST
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg\")", html)
    assert not re.search(r"<(script|link(?! rel=\"icon\" href=\"data:,\")|img|iframe|object|embed|base)\b", html)
    assert not re.search(r"\bsrc(set)?=|@import|url\((?!#)", html)


@pytest.mark.parametrize("name", PAGES)
def test_every_identifier_is_there_once_and_every_reference_finds_one(name):
    root = tree(name)
    found = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(found) == len(set(found))
    for element in root.iter():
        for attribute in ("aria-describedby", "aria-labelledby"):
            assert set(element.get(attribute, "").split()) <= set(found), element.attrib
        link = element.get("href", "") or element.get("{http://www.w3.org/1999/xlink}href", "")
        if link.startswith("#"):
            assert link[1:] in found, link
    assert set(re.findall(r"url\(#([^)]+)\)", text(name))) <= set(found)


@pytest.mark.parametrize("name", PAGES)
def test_headings_are_in_order_and_landmarks_are_there(name):
    root = tree(name)
    levels = [int(tag(element)[1]) for element in root.iter() if re.fullmatch(r"h[1-6]", tag(element))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    for landmark in ("main", "nav", "header", "footer"):
        assert len(list(root.iter(HTML + landmark))) == 1
    assert not [e for e in root.iter() if re.fullmatch(r"h[1-6]", tag(e)) and not words(e)]


@pytest.mark.parametrize("name", PAGES)
def test_what_scrolls_can_be_reached_and_has_a_name(name):
    scrolling = {"equations", "table", "code", "picture", "source"}
    found = [e for e in tree(name).iter() if tag(e) in ("div", "pre") and e.get("class") in scrolling]
    assert found
    for element in found:
        assert element.get("tabindex") == "0"
        assert element.get("aria-label")
        assert element.get("role") == "group"


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_says_what_it_shows(name):
    root = tree(name)
    pictures = list(root.iter(SVG + "svg"))
    identifiers = by_id(root)
    assert pictures
    for picture in pictures:
        assert picture.get("role") == "img"
        told = [words(identifiers[part]) for part in picture.get("aria-labelledby").split()]
        assert all(len(part) > 3 for part in told)


@pytest.mark.parametrize("name", PAGES)
def test_every_formula_is_mathml_that_browsers_know(name):
    html = text(name)
    root = tree(name)
    formulas = list(root.iter(MATH + "math"))
    assert len(formulas) > 20
    for formula in formulas:
        assert len(formula), "a formula without anything in it"
        for element in formula.iter():
            assert "\\" not in (element.text or ""), element.text
            assert not re.search("[\ue000-\uf8ff]", element.text or "")
            assert element.get("mathvariant", "normal") == "normal"
            assert not (tag(element) in ("mi", "mn", "mo", "mtext") and len(element)), "a token with elements in it"
    body = html[html.index("<body>") :]
    assert "$" not in re.sub(r"<style>.*?</style>", "", body, flags=re.DOTALL)
    assert not re.search(r"\\[a-zA-Z]", re.sub(r"<code>.*?</code>", "", body, flags=re.DOTALL))


@pytest.mark.parametrize("name", PAGES)
def test_every_term_that_can_be_pointed_at_says_where_it_comes_from(name):
    identifiers = by_id(tree(name))
    terms = [e for e in tree(name).iter(HTML + "a") if e.get("aria-describedby")]
    assert terms
    for term in terms:
        assert term.get("aria-label")
        assert term.get("href")[1:] in identifiers
        assert words(identifiers[term.get("aria-describedby")])
