"""A visit of a page in a browser: what a reader would complain of.

In: a file of HTML. Out: complaints, one a line; none if the page is right at every width, light and dark, and in print.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDTHS = (360, 800, 1400)
HEIGHT = 900
SCHEMES = ("light", "dark")
PAPER = 718  # A4 less margins of 1 cm, in CSS pixels

# Colours are judged when they are there, not on their way; what is folded away is judged too.
READY = """() => {
    document.head.insertAdjacentHTML("beforeend", "<style>* { transition: none !important; }</style>");
    for (const folded of document.querySelectorAll("details")) folded.open = true;
    return document.fonts.ready.then(() => true);
}"""

# What stands beyond the right edge of the page although nothing scrolls it.
OVERFLOW = """() => {
    const page = document.documentElement;
    if (page.scrollWidth <= page.clientWidth) return [];
    const wide = [...document.body.querySelectorAll("*")].filter(
        e => e.getBoundingClientRect().right > page.clientWidth + 1 && !e.closest("svg *"));
    return [`${page.scrollWidth} px of content`, ...wide.slice(0, 4).map(e => e.outerHTML.slice(0, 90))];
}"""

EMPTY_FORMULAS = """() => [...document.querySelectorAll("math")].filter(
    e => e.checkVisibility() && !(e.getBoundingClientRect().width > 0 && e.getBoundingClientRect().height > 0)
).map(e => e.outerHTML.slice(0, 90))"""

# Axe looks at images, at `role=img` and at the names of links and buttons; what else is drawn has a name or is hidden.
NAMELESS_PICTURES = """() => [...document.querySelectorAll("svg, img, canvas, object, embed")].filter(e => {
    if (!e.checkVisibility() || e.closest("[aria-hidden=true], symbol, defs") || e.parentElement.closest("svg"))
        return false;
    if (e.getAttribute("role") === "presentation" || e.getAttribute("alt") === "") return false;
    const labels = (e.getAttribute("aria-labelledby") || "").split(" ").map(id => document.getElementById(id));
    const named = e.getAttribute("aria-label") || e.getAttribute("alt") || e.querySelector(":scope > title")
        || labels.some(label => label && label.textContent.trim());
    return !named && !e.closest("a, button, label, summary");
}).map(e => e.outerHTML.slice(0, 90))"""

# What a part is described by shows when the part is reached by keyboard or tapped, within the window.
NOTES_OUT_OF_SIGHT = """async () => {
    const inside = box => box.width > 0 && box.left >= 0 && box.right <= innerWidth
        && box.top >= 0 && box.bottom <= innerHeight;
    const frame = () => new Promise(done => requestAnimationFrame(done));
    const away = [];
    for (const e of document.querySelectorAll("[aria-describedby]")) {
        const note = document.getElementById(e.getAttribute("aria-describedby"));
        if (!note || note.getAttribute("role") !== "tooltip") continue;
        e.focus();
        // What is anchored may follow a frame later where focus has scrolled the page.
        for (let wait = 0; wait < 2 && !inside(note.getBoundingClientRect()); wait++) await frame();
        if (!inside(note.getBoundingClientRect())) away.push(e.outerHTML.slice(0, 90));
    }
    document.activeElement.blur();
    scrollTo(0, 0);
    return away;
}"""

# The formulas' colours, each with what is behind it, as axe judges other text; large text may be paler.
PALE_FORMULAS = """() => {
    const brush = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const parts = colour => {
        brush.clearRect(0, 0, 1, 1);
        brush.fillStyle = colour;
        brush.fillRect(0, 0, 1, 1);
        return [...brush.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(
        c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
    ).reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
    const behind = e => {
        for (; e; e = e.parentElement)
            if (parts(getComputedStyle(e).backgroundColor)[3] === 255) return getComputedStyle(e).backgroundColor;
        return "white";
    };
    const seen = new Map();
    for (const e of document.querySelectorAll("math, math *")) {
        const key = getComputedStyle(e).color + " on " + behind(e);
        if (!seen.has(key)) seen.set(key, e);
    }
    return [...seen].filter(([key, e]) => {
        const [one, other] = key.split(" on ").map(parts).map(light);
        return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) < 4.5;
    }).map(([key, e]) => `${key}: ${e.outerHTML.slice(0, 60)}`);
}"""

# Axe judges the colours of each part of a formula by itself, which takes a minute where there are many.
FORMULAS_AS_TEXT = """() => {
    for (const formula of document.querySelectorAll("math")) {
        const text = document.createElement("span");
        text.textContent = formula.textContent;
        text.className = formula.getAttribute("class") || "";
        formula.replaceWith(text);
    }
}"""

COLOURS = ["color-contrast", "link-in-text-block"]
VIOLATIONS = """async options => {
    const found = await axe.run({resultTypes: ["violations"], preload: false, ...options});
    const told = node => (node.failureSummary || "").split("\\n").slice(1).join("; ").trim();
    return found.violations.flatMap(violation => violation.nodes.map(
        node => `${violation.id}: ${node.target.join(" ")}: ${told(node)}`));
}"""


class Visitor:
    """One browser page, used for every file in turn."""

    def __init__(self, page: Any, axe: str) -> None:
        self.page, self.axe = page, axe
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.context.route(lambda url: not url.startswith(("file:", "data:")), lambda route: route.abort())

    def complaints(self, file: Path, own: Path) -> list[str]:
        """All complaints of a page, which may ask for what is in `own` alone: its folder, or itself."""
        return list(self._complaints(file, own))

    def _complaints(self, file: Path, own: Path) -> Iterator[str]:
        self._open(file)
        for width in WIDTHS:
            for scheme in SCHEMES:
                self._show(width, scheme)
                yield from self._looks(f"{scheme}, {width} px")
            for found in self.page.evaluate(NOTES_OUT_OF_SIGHT):
                yield f"{width} px: a note out of sight: {found}"
        self._show(PAPER, "light", "print")
        yield from self._looks("print")
        yield from self._accessibility()
        yield from (f"console: {text}" for text in self.said)
        allowed = own.as_uri() if own.is_file() else f"{own.as_uri()}/"
        yield from (f"asks for {url}" for url in self.asked if not url.startswith((allowed, "data:")))

    def screenshot(self, file: Path, width: int, scheme: str) -> bytes:
        """The first screen of a page."""
        self._open(file, width, scheme)
        return bytes(self.page.screenshot())

    def _open(self, file: Path, width: int = WIDTHS[-1], scheme: str = SCHEMES[0]) -> None:
        self._show(width, scheme)
        self.said.clear()
        self.asked.clear()
        self.page.goto(file.as_uri(), wait_until="load")
        self.page.evaluate(READY)

    def _show(self, width: int, scheme: str, media: str = "screen") -> None:
        self.page.emulate_media(media=media, color_scheme=scheme, reduced_motion="reduce")
        self.page.set_viewport_size({"width": width, "height": HEIGHT})

    def _looks(self, how: str) -> Iterator[str]:
        for what, script in (
            ("wider than the page", OVERFLOW),
            ("a formula without size", EMPTY_FORMULAS),
            ("a formula too pale", PALE_FORMULAS),
            ("a picture without a name", NAMELESS_PICTURES),
        ):
            yield from (f"{how}: {what}: {found}" for found in self.page.evaluate(script))

    def _accessibility(self) -> Iterator[str]:
        """By axe: all but colours on the page as it is; then all, narrow and dark, where more has to scroll."""
        self.page.evaluate(self.axe)
        self._show(WIDTHS[-1], "light")
        yield from self._violations("light, 1400 px", {"rules": {rule: {"enabled": False} for rule in COLOURS}})
        self.page.evaluate(FORMULAS_AS_TEXT)
        yield from self._violations("light, 1400 px", {"runOnly": {"type": "rule", "values": COLOURS}})
        self._show(WIDTHS[0], "dark")
        yield from self._violations("dark, 360 px", {})

    def _violations(self, how: str, options: dict[str, Any]) -> Iterator[str]:
        yield from (f"{how}: {violation}" for violation in self.page.evaluate(VIOLATIONS, options))
