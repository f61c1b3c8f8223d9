"""Who knows of DuckDB: counted over the sources, so that the walls stay where they are."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [p for room in ("assets", "pipelines", "warehouse") for p in (ROOT / room).rglob("*.py")]


def _nodes(kind: type) -> Iterator[tuple[str, ast.AST]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kind):
                yield path.relative_to(ROOT).as_posix(), node


def test_one_place_opens_a_duckdb_file():
    found = [
        path
        for path, call in _nodes(ast.Call)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "connect"
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "duckdb"
    ]
    assert found == ["warehouse/connection.py"]


def test_no_other_room_imports_duckdb():
    plain = {p for p, node in _nodes(ast.Import) if "duckdb" in {a.name for a in node.names}}
    named = {p for p, node in _nodes(ast.ImportFrom) if (node.module or "").startswith("duckdb")}
    assert plain
    assert {path.split("/")[0] for path in plain | named} == {"warehouse"}


def test_no_other_room_knows_the_private_database_or_which_engine_there_is():
    inside = {"private", "transaction"}
    looks = {p for p, node in _nodes(ast.Attribute) if node.attr in inside}
    knows = {
        path
        for path, node in _nodes(ast.ImportFrom)
        if node.module in {"warehouse.duckdb_file", "warehouse.connection"}
    }
    assert {path.split("/")[0] for path in looks | knows} == {"warehouse"}
