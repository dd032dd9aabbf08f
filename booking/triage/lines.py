"""A YAML file, read once: what it says, and on which line it says each thing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from booking.triage.documents import ProtocolInvalid
from booking.triage.places import Fault

Loc = Sequence[str | int]
"""A way into a file: keys and positions, as pydantic names them."""


DEEPEST = 30
"""How deep lists and lines may be nested; a protocol needs nine."""


@dataclass(frozen=True)
class Written:
    """What a file says, and where. `said` is plain: dicts, lists, texts, numbers, dates."""

    file: str
    said: Any
    root: yaml.Node | None

    def line(self, loc: Loc) -> int:
        """Return the line of what this way leads to, or of the last thing on it that exists.

        Steps that name nothing written (which of two shapes was tried, a missing key) are
        passed over.
        """
        node, line = self.root, 1
        for step in loc:
            found = _under(node, step)
            if found:
                line, node = found
        return line

    def fault(self, loc: Loc, text: str) -> Fault:
        """Return what is wrong at the place that this way leads to."""
        return Fault(text, self.line(loc), self.file)


def _under(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(step):
                return key.start_mark.line + 1, value
    return None


# The same reader in C, ten times faster, where PyYAML was built with it.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: bytes, file: str = "") -> Written:
    """Return what a YAML text says.

    Raises:
        ProtocolInvalid: it is not YAML, or writes a key twice: YAML would keep the last in silence.
    """
    try:
        _refuse_depth(text)
        loader = _Loader(text)
        root = loader.get_single_node()
        twice = [] if root is None else list(_written_twice(root, set()))
        said = loader.construct_document(root) if root and not twice else None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        raise ProtocolInvalid(Fault(_no_yaml(error), mark and mark.line + 1, file)) from error
    if twice:
        raise ProtocolInvalid(*(Fault(message, line, file) for line, message in twice))
    return Written(file, said, root)


class _TooDeep(yaml.YAMLError):
    problem = "trop imbriqué"

    def __init__(self, event: yaml.Event) -> None:
        self.problem_mark = event.start_mark


def _refuse_depth(text: bytes) -> None:
    """Refuse what is nested deeper than any file of ours: the reader in C would crash on it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise _TooDeep(event)


def _no_yaml(error: Exception) -> str:
    problem = getattr(error, "problem", None) or type(error).__name__
    return f"ce n'est pas du YAML ({problem}) ; vérifiez les guillemets, les « : » et les retraits"


def _written_twice(node: yaml.Node, seen: set[int]) -> Iterator[tuple[int, str]]:
    if id(node) in seen:  # an alias leads back to what was read
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _written_twice(each, seen)
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    yield (
                        key.start_mark.line + 1,
                        f"« {key.value} » est écrit deux fois ; gardez-en un",
                    )
                keys.add(key.value)
            yield from _written_twice(value, seen)
