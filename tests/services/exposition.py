"""A strict reader of Prometheus's text format 0.0.4, written from its description.

It refuses what a lenient one lets pass: a metric in two groups, a sample before its type, a
sample twice, an escape that does not exist, a last line without an end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL})(?:,{LABEL})*,?)\}})? (\S+)")
KINDS = {"counter", "gauge", "histogram", "summary", "untyped"}
Labels = frozenset[tuple[str, str]]


@dataclass
class Family:
    """One metric."""

    help: str | None = None
    kind: str | None = None
    samples: dict[Labels, float] = field(default_factory=dict)

    def value(self, **labels: str) -> float:
        """The sample with these labels."""
        return self.samples[frozenset(labels.items())]


def readExposition(text: str) -> dict[str, Family]:
    """The metrics of an exposition, by name; AssertionError where the format is not kept."""
    assert text.endswith("\n"), "the last line has no end"
    families: dict[str, Family] = {}
    current = None
    for line in text[:-1].split("\n"):
        assert line == line.strip(), f"blanks around {line!r}"
        if not line:
            continue
        comment = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.*)", line)
        sample = SAMPLE.fullmatch(line)
        found = comment or sample
        assert found is not None, f"neither a comment nor a sample: {line!r}"
        name = comment[2] if comment else found[1]
        if name != current:
            assert name not in families, f"{name} is in two groups"
            families[name] = Family()
            current = name
        family = families[name]
        if comment:
            _describe(family, comment[1], comment[3])
        else:
            assert family.kind is not None, f"a sample of {name} before its type"
            labels = frozenset((label, _plain(value)) for label, value in _labels(found[2] or ""))
            assert labels not in family.samples, f"twice: {line}"
            family.samples[labels] = float(found.groups()[-1])
    return families


def _describe(family: Family, what: str, text: str) -> None:
    assert not family.samples, "HELP and TYPE come before the samples"
    if what == "TYPE":
        assert family.kind is None, "two types"
        assert text in KINDS, text
        family.kind = text
    else:
        assert family.help is None, "two helps"
        assert re.fullmatch(r"(?:[^\\]|\\[\\n])+", text), f"no such escape: {text!r}"
        family.help = text


def _labels(text: str) -> list[tuple[str, str]]:
    return re.findall(LABEL, text)


def _plain(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), value)
