"""Every page that is built, in a browser: at three widths, light, dark and in print."""

import re
from pathlib import Path

import pytest
from visit import WIDTHS

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
ALONE = {"docs": False, "pages": True}  # folder of build → whether each page in it may ask for nothing but itself
BUILT = [folder for folder in ALONE if re.search(rf"^{folder}:", (ROOT / "Makefile").read_text(), re.MULTILINE)]
FILES = [file for folder in BUILT for file in sorted((BUILD / folder).rglob("*.html"))]

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]

FAULTS = {
    "console: ": "<script>throw new Error('broken')</script>",
    "asks for https://example.org/": "<img alt='far away' src='https://example.org/far.png'>",
    "asks for file:///etc/": "<link rel='stylesheet' href='file:///etc/none.css'>",
    "wider than the page": "<p style='width: 2000px'>wide</p>",
    "a formula without size": "<math></math>",
    "a formula too pale": "<math style='color: #aaa'><mi>x</mi></math>",
    "a picture without a name": "<svg width='9' height='9'></svg>",
    "360 px: a note out of sight": "<style>#n { display: none; position: absolute; left: 300px; width: 99px }"
    "a:focus + #n { display: block }</style>"
    "<a href='#n' aria-describedby='n'>a</a><span id='n' role='tooltip'>b</span>",
    "light, 1400 px: image-alt": "<img src='data:,'>",
    "light, 1400 px: color-contrast": "<p style='color: #ccc; background: #fff'>pale</p>",
    "dark, 360 px: color-contrast": "<style>@media (prefers-color-scheme: dark) { p { color: #ccc; background: #fff }}"
    "</style><p>pale in the dark</p>",
    "print: wider than the page": "<style>@media print { p { width: 900px }}</style><p>wide on paper</p>",
}


@pytest.mark.parametrize("folder", BUILT)
def test_it_is_built(folder):
    assert BUILD / folder / "index.html" in FILES, f"make {folder} builds it"


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(BUILD)) for file in FILES])
def test_page(visitor, file):
    folder = BUILD / file.relative_to(BUILD).parts[0]
    complaints = visitor.complaints(file, file if ALONE[folder.name] else folder)
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("width", [WIDTHS[0], WIDTHS[-1]])
def test_the_way_back_is_first_shown_from_the_loss(visitor, width):
    """It is read from its right end, and stands on the left where there is room for all of it."""
    visitor.screenshot(BUILD / "pages" / "lstm" / "index.html", width, "light")
    picture = visitor.page.locator("#way-back div.picture").bounding_box()
    drawn = visitor.page.locator("#way-back svg").bounding_box()
    if drawn["width"] > picture["width"]:
        assert drawn["x"] + drawn["width"] == pytest.approx(picture["x"] + picture["width"], abs=1)
    else:
        assert drawn["x"] == pytest.approx(picture["x"], abs=1)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen(visitor, fault, tmp_path):
    page = "<!doctype html><html lang='en'><title>t</title><main><h1>t</h1>{}</main></html>"
    file = tmp_path / "page.html"
    file.write_text(page.format("<p>Nothing to complain of.</p>"))
    assert visitor.complaints(file, tmp_path) == []
    file.write_text(page.format(FAULTS[fault]))
    complaints = visitor.complaints(file, tmp_path)
    assert any(fault in complaint for complaint in complaints), complaints
