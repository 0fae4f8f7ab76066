"""The rows of the article are found by what a cell derives to, on any cell."""

import pytest
from cellfolder import cell
from pagecells import HTML, PAGES, by_id, of, parsed, tree, words

from derive import parse

ROWS = [f"A{k}" for k in range(1, 6)] + ["B1", "B2", "B3"] + [f"C{k}" for k in range(1, 9)] + ["D1", "D2"]

RENAMED = """
# The cell that everybody knows, in names that nobody does.
input u : p
state r, s : q
beta = sigmoid(A @ [r[t-1], u] + a)
gamma = sigmoid(B @ [r[t-1], u] + b)
eta = tanh(C @ [r[t-1], u] + c)
omega = sigmoid(D @ [r[t-1], u] + d)
s[t] = beta * s[t-1] + gamma * eta
r[t] = omega * tanh(s[t])
"""


def rows(root):
    """Identifier → the targets of the links."""
    [table] = [t for t in root.iter(HTML + "div") if t.get("aria-label") == "Rows of the article"]
    found = {}
    for row in table.iter(HTML + "tr"):
        heads = [words(h) for h in row.iter(HTML + "th")]
        if len(heads) == 1:
            found[heads[0]] = [link.get("href")[1:] for link in row.iter(HTML + "a")]
    return found


@pytest.mark.parametrize("name", PAGES)
def test_every_row_leads_somewhere(name):
    found = rows(tree(name))
    assert list(found) == [row for row in ROWS if row in found]
    assert all(places for places in found.values())
    assert {place for places in found.values() for place in places} <= by_id(tree(name)).keys()


def test_the_two_networks_of_the_article_have_all_rows_between_them():
    simple, gated = rows(tree("rnn")), rows(tree("lstm"))
    assert {"A1", "A2", "A3", "A4", "A5", "B2", "D1", "D2"} <= simple.keys()
    assert gated.keys() == {row for row in ROWS if row not in ("A1", "A2", "A3")}
    assert simple.keys() | gated.keys() == set(ROWS)


def test_what_the_rows_of_the_lstm_lead_to():
    found, identifiers = rows(tree("lstm")), by_id(tree("lstm"))
    remarks = {
        row: [words(next(e for e in identifiers[p].iter() if e.get("class") == "remark")) for p in found[row]]
        for row in ("C1", "C3", "C4", "C5", "C6", "C7")
    }
    assert remarks == {
        "C1": ["forget gate"], "C3": ["input gate"], "C4": ["candidate"], "C5": ["cell state"],
        "C6": ["output gate"], "C7": ["output"],
    }  # fmt: skip
    assert len(found["C8"]) == 6


def test_names_do_not_matter():
    root, _ = parsed(of(parse(RENAMED, name="renamed")))
    found = rows(root)
    by_target = {equation.target: f"eq-{k}" for k, equation in enumerate(parse(RENAMED, name="renamed").equations, 1)}
    wanted = {"C1": "beta", "C3": "gamma", "C4": "eta", "C5": "s", "C6": "omega", "C7": "r"}
    assert {row: found[row] for row in wanted} == {row: [by_target[name]] for row, name in wanted.items()}
    assert found.keys() == rows(tree("lstm")).keys()


def test_a_cell_that_keeps_nothing_has_no_gate_rows():
    found = rows(tree("rnn"))
    assert not {"B3", "C1", "C3", "C4", "C5", "C6", "C7"} & found.keys()
    assert len(cell("rnn").of_role("state")) == 1
