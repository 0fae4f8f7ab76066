"""The first screen of some pages, beside what it was."""

from pathlib import Path

import pytest
from visit import SCHEMES

BUILD = Path(__file__).parents[2] / "build"
WIDTH = 1400
SHOWN = ["docs/index.html", "docs/mathematics.html", "pages/index.html", "pages/lstm/index.html"]

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("page", SHOWN)
def test_a_page_looks_as_it_did(visitor, page, scheme):
    from likeness import ALLOWED, compare

    name = f"{page.removesuffix('.html').replace('/', '-')}-{scheme}"
    apart = compare(visitor.screenshot(BUILD / page, WIDTH, scheme), name)
    assert apart <= ALLOWED, f"{apart:.0%} of it changed; where that is meant, DERIVE_ACCEPT=1 makes it the reference"


CHANGES = {
    "* { font-family: serif !important }": False,
    "* { font-size: 102% }": False,
    ".sidebar-drawer { display: none }": True,
    "article { display: none }": True,
    "body { background: #888 !important }": True,
}


@pytest.mark.parametrize("style", CHANGES)
def test_another_font_passes_and_a_missing_part_does_not(visitor, style):
    from likeness import ALLOWED, changed, reduced

    before = reduced(visitor.screenshot(BUILD / SHOWN[1], WIDTH, "light"))
    visitor.page.add_style_tag(content=style)
    after = reduced(visitor.page.screenshot())
    assert (changed(after, before) > ALLOWED) == CHANGES[style]
