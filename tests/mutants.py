"""Do the tests notice? Mutations of the code, drawn by seed, each held against its room's tests.

``python -m tests.mutants --seed 1 --draw 40`` draws from all comparisons, operators, and opposites
such as any and all in ``assets/`` and ``warehouse/``. Each mutation is made in a copy of the tree;
the fast tests of the room run there until one fails. What survives is printed with its place.
``--numbers 3 17`` tries these of the draw alone; without a number it lists the draw.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / ".cache" / "mutants"

TESTS_OF = {
    "assets/market": ("tests/assets/market", "tests/assets/core", "tests/assets/mart",
                      "tests/oracle"),
    "assets/core": ("tests/assets/core", "tests/oracle"),
    "assets/mart": ("tests/assets/mart", "tests/oracle"),
    "assets/sources/yahoo": ("tests/assets/sources", "tests/yahoo_replay/test_events.py",
                             "tests/yahoo_replay/test_faults.py"),
    "assets/sources": ("tests/assets/sources", "tests/pipelines/test_holdings.py"),
    "assets/ref": ("tests/assets/ref", "tests/assets/mart/test_claim_checks.py"),
    "assets/raw": ("tests/assets/raw", "tests/yahoo_replay/test_events.py"),
    "assets/ops": ("tests/assets/ops", "tests/pipelines/test_definitions.py"),
    "assets/products": ("tests/assets/products", "tests/end_to_end/test_brief.py"),
    "assets": ("tests/assets", "tests/pipelines"),
    "warehouse": ("tests/warehouse",),
}  # fmt: skip
"""Room -> the fast tests that speak of it; the longest prefix of a file counts."""

OPERATORS = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
    ast.And: ("and", "or"), ast.Or: ("or", "and"),
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
    ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
}  # fmt: skip

SIGNS = {ast.Not: "not ", ast.Invert: "~", ast.USub: "-"}

OPPOSITES = {
    "all": "any", "any": "all", "min": "max", "max": "min", "cum_max": "cum_min",
    "cum_min": "cum_max", "first": "last", "last": "first", "is_null": "is_not_null",
    "is_not_null": "is_null", "forward_fill": "backward_fill", "backward_fill": "forward_fill",
    "all_horizontal": "any_horizontal", "any_horizontal": "all_horizontal",
    "arg_min": "arg_max", "arg_max": "arg_min", "min_horizontal": "max_horizontal",
    "max_horizontal": "min_horizontal", "bisect_left": "bisect_right",
}  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """One replacement in one file.

    Attributes:
        path: the file, from the root.
        line: where it is, from 1 on.
        start: first character replaced, from the beginning of the file.
        before: what stands there.
        after: what is put there.
    """

    path: str
    line: int
    start: int
    before: str
    after: str

    def __str__(self) -> str:
        """Name the place and the replacement."""
        return f"{self.path}:{self.line}: `{self.before}` -> `{self.after}`"


def mutations(path: Path) -> Iterator[Mutation]:
    """Yield every mutation of a file."""
    source = path.read_bytes()
    begins = [0]
    for line in source.splitlines(keepends=True):
        begins.append(begins[-1] + len(line))
    name = str(path.relative_to(ROOT))
    for node in ast.walk(ast.parse(source)):
        for first, last, before, after in _replacements(node):
            # From the end of the left operand, or the beginning of a name, to what follows it.
            start = begins[first[0] - 1] + first[1]
            found = source[start : begins[last[0] - 1] + last[1]].find(before.encode())
            if found >= 0:
                line = source[: start + found].count(b"\n") + 1
                yield Mutation(name, line, start + found, before, after)


Place = tuple[int, int]
"""Line, from 1 on, and byte of the line."""


def _replacements(node: ast.AST) -> Iterator[tuple[Place, Place, str, str]]:
    """Yield what can be replaced in a node: between which places, what, and by what."""
    match node:
        case ast.Compare(left=left, comparators=others, ops=operators):
            yield from _between([left, *others], operators)
        case ast.BoolOp(values=operands, op=operator):
            yield from _between(operands, [operator] * (len(operands) - 1))
        case ast.BinOp(left=left, op=operator, right=right) if not _is_about_types(node):
            yield from _between([left, right], [operator])
        case ast.UnaryOp(op=operator) if type(operator) in SIGNS:
            yield _begin(node), _begin(node.operand), SIGNS[type(operator)], ""
        case ast.Attribute(attr=name) if name in OPPOSITES:
            yield _end(node.value), _end(node), name, OPPOSITES[name]
        case ast.Call(func=ast.Name(id=name)) if name in OPPOSITES:
            yield _begin(node.func), _end(node.func), name, OPPOSITES[name]


def _between(
    operands: Sequence[ast.expr], operators: Sequence[ast.AST]
) -> Iterator[tuple[Place, Place, str, str]]:
    for (left, right), operator in zip(pairwise(operands), operators, strict=True):
        if type(operator) in OPERATORS:
            yield _end(left), _begin(right), *OPERATORS[type(operator)]


def _begin(node: ast.expr) -> Place:
    return node.lineno, node.col_offset


def _end(node: ast.expr) -> Place:
    return node.end_lineno or 0, node.end_col_offset or 0


def _is_about_types(node: ast.BinOp) -> bool:
    """Tell whether an operator joins types (date | None), which change nothing at run time."""
    if not isinstance(node.op, ast.BitOr):
        return False
    names = {"None", "str", "int", "float", "bool", "date", "datetime", "Path", "list", "dict"}
    sides = [ast.unparse(side).split("[")[0].split(".")[-1] for side in (node.left, node.right)]
    return any(side in names or (side[:1].isupper() and "(" not in side) for side in sides)


def all_mutations() -> list[Mutation]:
    """Return the mutations of all modules of assets and warehouse."""
    files = [p for room in ("assets", "warehouse") for p in sorted((ROOT / room).rglob("*.py"))]
    return [mutation for path in files for mutation in mutations(path)]


def tests_of(path: str) -> Iterator[tuple[str, ...]]:
    """Yield the tests of a file, then those of the room that it lies in: a run each."""
    room = max((room for room in TESTS_OF if path.startswith(f"{room}/")), key=len)
    # The module's own tests first: most of what is killed, they kill, in seconds. In one run with
    # their room they would stand wherever it has them.
    own = str(Path("tests", path).with_name(f"test_{Path(path).name}"))
    if (ROOT / own).exists():
        yield (own,)
    yield tuple(one for one in TESTS_OF[room] if (ROOT / one).exists())


def is_killed(mutation: Mutation) -> bool:
    """Make a mutation in the copy and tell whether a test of its file, or of its room, fails."""
    path = COPY / mutation.path
    good = path.read_bytes()
    end = mutation.start + len(mutation.before.encode())
    assert good[mutation.start : end] == mutation.before.encode(), mutation
    path.write_bytes(good[: mutation.start] + mutation.after.encode() + good[end:])
    try:
        return any(_fails(tests, mutation) for tests in tests_of(mutation.path))
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_bytes(good)


def _fails(tests: Sequence[str], mutation: Mutation) -> bool:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider",
         "-p", "no:randomly", *tests],
        cwd=COPY, env={**os.environ, "PYTHONPATH": str(COPY)}, capture_output=True, text=True,
        check=False, timeout=900,
    )  # fmt: skip
    # Of a file whose tests are all slow, none is left (5): its room has the word.
    if run.returncode not in {0, 1, 2, 5}:
        raise RuntimeError(f"{mutation}: pytest ended with {run.returncode}: {run.stdout}")
    return run.returncode in {1, 2}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Draw mutations, try them, and print what survives."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--draw", type=int, default=40)
    arguments.add_argument("--only", default="", help="draw from files whose path begins so")
    arguments.add_argument("--numbers", type=int, nargs="*", help="try these alone; none: list all")
    asked = arguments.parse_args()
    known = [one for one in all_mutations() if one.path.startswith(asked.only)]
    drawn = random.Random(asked.seed).sample(known, min(asked.draw, len(known)))  # noqa: S311 - a draw
    _say(f"{len(drawn)} of {len(known)} mutations, seed {asked.seed}")
    numbered = list(enumerate(drawn, 1))
    if asked.numbers is not None:
        if not asked.numbers:
            for number, mutation in numbered:
                _say(f"{number:3} {mutation}")
            return
        numbered = [(number, one) for number, one in numbered if number in asked.numbers]
    shutil.rmtree(COPY, ignore_errors=True)
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in tracked:
        (COPY / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, COPY / name)
    (COPY / ".cache").mkdir()
    survivors = []
    for number, mutation in numbered:
        began = time.monotonic()
        killed = is_killed(mutation)
        said = "killed" if killed else "SURVIVES"
        _say(f"{number:3} {said:8} {time.monotonic() - began:5.0f} s  {mutation}")
        survivors += [] if killed else [mutation]
    _say(f"{len(numbered) - len(survivors)} of {len(numbered)} killed")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main()
