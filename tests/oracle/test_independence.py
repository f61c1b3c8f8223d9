"""The oracle is worth something only while it shares nothing with the product."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ORACLE = ("market", "actions", "counts", "companies", "indices", "membership", "witnesses", "gate",
          "oracle")  # fmt: skip


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import"
            yield node.module or ""


@pytest.mark.parametrize("module", ORACLE)
def test_the_oracle_imports_the_standard_library_and_itself(module: str) -> None:
    own = {f"tests.oracle.{name}" for name in ORACLE}
    foreign = {
        name
        for name in _imported(HERE / f"{module}.py")
        if name not in own and name.split(".")[0] not in sys.stdlib_module_names
    }
    assert not foreign


def test_the_product_is_imported_in_one_file() -> None:
    rooms = {"assets", "pipelines", "warehouse"}
    importing = {
        path.name
        for path in HERE.glob("*.py")
        if any(name.split(".")[0] in rooms for name in _imported(path))
    }
    assert importing == {"adapter.py"}
