"""The browser: one for all tests, Debian's Chromium, without a network."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="session")
def visitor():
    from axe_playwright_python.base import AXE_SCRIPT
    from playwright.sync_api import sync_playwright
    from visit import Visitor

    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    quiet += ["--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=quiet, chromium_sandbox=False
        )
        yield Visitor(browser.new_page(), AXE_SCRIPT)
        browser.close()
