"""How much text there is in generated/, where nobody wants to search a haystack."""

import pytest
from cellfolder import ROOT, SHIPPED

GENERATED = ROOT / "generated"


def size(paths):
    return sum(path.stat().st_size for path in paths)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_c_of_a_cell_is_at_most_sixty_kilobytes(name):
    found = [p for p in (GENERATED / name).iterdir() if p.suffix in {".h", ".c", ".inc"}]
    assert len(found) == 5
    assert size(found) <= 60_000


def test_all_of_it_is_at_most_two_megabytes():
    assert size(p for p in GENERATED.rglob("*") if p.is_file() and "__pycache__" not in p.parts) <= 2_000_000
