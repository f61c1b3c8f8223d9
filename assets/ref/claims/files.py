"""Claims as YAML files, read strictly: every error names the file and the line."""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from assets.ref.claims.models import ClaimsFile
from warehouse.errors import ClaimsFileError

MAX_BYTES = 1_000_000
"""A file of claims is written by a person; anything larger is not one."""

MAX_DEPTH = 20
"""Lists and mappings within each other; a file of claims needs four."""


def read_claims(path: Path) -> ClaimsFile:
    """Read a file of claims.

    All scalars are taken as text, so that a number keeps the digits it was printed with. Anchors
    and aliases are refused: they are what YAML bombs are made of.

    Raises:
        ClaimsFileError: naming the file, the line, and what is wrong there.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ClaimsFileError(
            f"{path}: cannot be read: {error.strerror}", "Check the path."
        ) from error
    if len(content) > MAX_BYTES:
        raise ClaimsFileError(
            f"{path}: {len(content):,} bytes, more than {MAX_BYTES:,}: no file of claims",
            "Split it by article.",
        )
    try:
        _refuse_bombs(path, content)
        node = yaml.compose(content, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ClaimsFileError(f"{path}{where}: no YAML: {problem}", "Mend the line.") from error
    try:
        return ClaimsFile.model_validate(_plain(path, node))
    except ValidationError as error:
        said = "; ".join(
            f"line {_line(node, problem['loc'])}: {_place(problem['loc'])}{_problem(problem)}"
            for problem in error.errors()[:5]
        )
        raise ClaimsFileError(
            f"{path}, {said}", "docs/claims.md shows how it is written."
        ) from error


def _refuse_bombs(path: Path, content: bytes) -> None:
    depth = 0
    for event in yaml.parse(content, Loader=yaml.BaseLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ClaimsFileError(
                f"{path}, line {line}: anchors and aliases are not read",
                "Write the value out.",
            )
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            # Here, not by the parser: its time grows with the square of the depth.
            raise ClaimsFileError(f"{path}, line {line}: nested too deeply", "Write it flat.")


def _plain(path: Path, node: yaml.Node | None) -> Any:
    """Return nodes as text, lists and mappings; an empty scalar is no value."""
    if isinstance(node, yaml.MappingNode):
        told: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in told:
                raise ClaimsFileError(
                    f"{path}, line {key.start_mark.line + 1}: {name} stands twice", "Keep one."
                )
            told[name] = _plain(path, value)
        return told
    if isinstance(node, yaml.SequenceNode):
        return [_plain(path, item) for item in node.value]
    if node is None or not node.value:
        return None
    return node.value


def _line(node: yaml.Node | None, place: tuple[int | str, ...]) -> int:
    """Return the line of the innermost node on the way to a place."""
    for step in place:
        if isinstance(node, yaml.MappingNode):
            found = [value for key, value in node.value if key.value == step]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            found = node.value[step : step + 1]
        else:
            break
        if not found:
            break
        node = found[0]
    return node.start_mark.line + 1 if node is not None else 1


def _place(place: tuple[int | str, ...]) -> str:
    names = [str(step) for step in place if isinstance(step, str)]
    return f"{names[-1]}: " if names else ""


def _problem(problem: Any) -> str:
    if problem["type"] == "model_type":
        return "a file of claims is a mapping with title, outlet, date and claims"
    words = str(problem["msg"]).removeprefix("Value error, ")
    return words[:1].lower() + words[1:]


def schema_for_editors() -> str:
    """Return the JSON schema that editors check files of claims with."""
    return json.dumps(ClaimsFile.model_json_schema(), indent=2, ensure_ascii=False) + "\n"
