"""The journal of a discovery: how long each stage took, what the user should know, and which caps were hit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lagsym.distillation.advice import Advice

Report = Callable[[str], None]


@dataclass
class Journal:
    """What a discovery writes down as it goes on.

    Arguments:
        report: called with the title of every stage as it begins.
        seconds: of each stage.
        notices: what the user should know, a sentence each.
        caps: stages that ended before they were done.
        structures: held-out errors of networks by structure.
        doubtful: whether something makes every law that is found uncertain.
    """

    report: Report
    seconds: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    caps: list[str] = field(default_factory=list)
    structures: dict[str, float] = field(default_factory=dict)
    doubtful: bool = False

    def advise(self, advice: list[Advice]) -> None:
        """Keep the sentences, and whether one of them makes every law uncertain."""
        self.notices += [each.sentence for each in advice]
        self.doubtful = self.doubtful or any(each.decisive for each in advice)

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[None]:
        """Report a stage and add up its seconds."""
        self.report(title)
        started = time.monotonic()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - started, 3)

    def entries(self) -> dict[str, object]:
        """What of it goes into the law, by field."""
        notices = tuple(dict.fromkeys(self.notices))
        return {"notices": notices, "seconds": dict(self.seconds), "caps_hit": tuple(dict.fromkeys(self.caps))}
