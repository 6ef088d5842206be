"""The house: which package may import which, what importing costs, and that everything is said."""

from __future__ import annotations

import ast
import gc
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ["style", "indexer", "search", "service"]  # each may know those before it
ALLOWED = {
    "style": set(),
    "indexer": {"style"},
    "search": {"style", "indexer"},
    "service": {"style", "indexer", "search"},
}
INDEXER = {
    # each wing of indexer, and the wings it may import; all of them stand on the ground floor
    "imaging": set(),
    "catalog": set(),
    "sample": set(),
    "words": set(),
    "encoders": {"imaging"},
    "recognizers": {"imaging", "encoders"},
    "store": {"imaging"},
    "fetching": {"store"},
    "vectors": {"store"},
    "confidence": {"imaging", "encoders", "store", "vectors"},
    "classification": {"imaging", "encoders", "store", "confidence"},
    "enrichment": {"catalog", "words", "store", "confidence", "shop"},
    "drafting": {"catalog", "words", "enrichment"},
    "shop": {"imaging", "encoders", "store", "vectors", "confidence"},
    "writing": {
        *("imaging", "catalog", "encoders", "store", "fetching", "vectors", "confidence", "shop"),
    },
    "jobs": {
        *("imaging", "catalog", "encoders", "store", "fetching", "vectors", "confidence", "shop"),
        *("classification", "writing", "words"),
    },
    "replication": {"encoders", "store", "shop"},
    "training": {"imaging", "encoders", "store", "sample"},
}
SERVICE = {
    "runtime": set(),
    "jobs": set(),
    "http": {"runtime", "jobs", "assistants"},
    "assistants": set(),
    "cli": {"runtime", "jobs", "http", "assistants"},
    "client": {"http"},
}
MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
INNER = [path for path in MODULES if ROOT / "service" not in path.parents]
NAMES = [str(path.relative_to(ROOT)) for path in MODULES]


@pytest.fixture(scope="module", autouse=True)
def without_garbage_collection() -> Iterator[None]:
    """Parsing makes 650,000 objects and no garbage: two thirds of its time were collections."""
    gc.disable()
    yield
    gc.enable()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """Every node of a module, kept because most tests look at all of them."""
    return list(ast.walk(tree_of(path)))


def imported(path: Path) -> Iterator[str]:
    """The first part of the name of every module that is imported, wherever that stands."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield (node.module or "").split(".")[0]


def targets(path: Path) -> Iterator[tuple[str, ...]]:
    """The parts of the name of every module of ours that is imported, for typing too."""
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FLOORS:
            for alias in node.names:
                parts = (*(node.module or "").split("."), alias.name)
                yield parts if ROOT.joinpath(*parts).with_suffix(".py").is_file() else parts[:-1]


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_modules_on_every_floor():
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(FLOORS)
    assert len(MODULES) > 50


def test_imports_point_down():
    wrong = []
    for path, name in zip(MODULES, NAMES, strict=True):
        floor = path.relative_to(ROOT).parts[0]
        ours = set(imported(path)) & {*FLOORS, "tests", "scripts"}
        wrong += [f"{name} imports {other}" for other in ours - ALLOWED[floor] - {floor}]
    assert wrong == []


@pytest.mark.parametrize(
    ("floor", "wings"), [("indexer", INDEXER), ("service", SERVICE)], ids=["indexer", "service"]
)
def test_imports_within_a_floor_follow_its_table_of_wings(floor, wings):
    found = {path.relative_to(ROOT).parts[1] for path in (ROOT / floor).glob("*/*.py")}
    assert found == set(wings)
    wrong = []
    for path in (ROOT / floor).rglob("*.py"):
        first, *rest = path.relative_to(ROOT / floor).parts
        wing = first if rest else ""  # a file of the ground floor
        allowed = wings[wing] | {wing, ""} if wing else {""}
        for parts in targets(path):
            there = parts[1] if parts[0] == floor and parts[1] in wings else ""
            if parts[0] == floor and there not in allowed:
                wrong.append(f"{path.relative_to(ROOT)} imports {'.'.join(parts)}")
    assert wrong == []


def test_no_module_imports_itself_by_way_of_others():
    graph = {
        path.relative_to(ROOT).with_suffix("").parts: set(targets(path))
        for path in MODULES
        if path.name != "__init__.py"
    }
    graph = {module: found & set(graph) for module, found in graph.items()}
    order = TopologicalSorter(graph)
    order.prepare()  # CycleError names the circle
    assert len(graph) > 200


def silent_names(tree: ast.Module) -> Iterator[str]:
    """The public names of a module that have no docstring."""
    if not ast.get_docstring(tree):
        yield "the module"
    nodes = [(node, "") for node in tree.body]
    while nodes:
        node, owner = nodes.pop()
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            yield f"{owner}{node.name}"
        if isinstance(node, ast.ClassDef):
            nodes += [(inner, f"{node.name}.") for inner in node.body]


def test_everything_public_says_what_it_is():
    silent = [
        f"{module}: {name}"
        for path, module in zip(MODULES, NAMES, strict=True)
        for name in silent_names(tree_of(path))
    ]
    assert silent == []


def test_a_package_imports_nothing_by_itself():
    packages = [
        path
        for path in MODULES
        # Programs of others import names from the client.
        if path.name == "__init__.py" and path.parent.name != "client"
    ]
    assert len(packages) > 20
    doing = {
        str(path.relative_to(ROOT)): ast.unparse(node)
        for path in packages
        for node in tree_of(path).body
        if not isinstance(node, ast.Expr)
    }
    assert doing == {}


def test_no_file_is_called_utils():
    assert [name for name in NAMES if Path(name).stem in ("utils", "util", "helpers", "misc")] == []


def test_the_packages_of_the_distribution_are_those_that_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = project["tool"]["setuptools"]["packages"]
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in MODULES}
    assert sorted(listed) == sorted(found)
    for package in listed:
        assert (ROOT / package.replace(".", "/") / "__init__.py").is_file()


def test_the_engine_needs_neither_torch_nor_the_service():
    heavy = ("torch", "open_clip", "timm", "torchvision", "fastapi", "onnxruntime", "click", "rich")
    code = f"import search.engine, sys; print([m for m in {heavy} if m in sys.modules])"
    assert run(code) == "[]\n"


def test_help_loads_nothing_that_computes():
    heavy = ("numpy", "faiss", "fastapi", "onnxruntime", "PIL", "lmdb", "torch", "lark", "rich")
    code = f"""
import sys
from service.cli.main import main
try:
    main(["--help"])
except SystemExit as end:
    print(end.code, [name for name in {heavy} if name in sys.modules])
"""
    assert run(code).endswith("\n0 []\n")


def test_only_the_service_prints_exits_or_reads_the_environment():
    wrong = []
    for path in INNER:
        calls = {
            node.func.id
            for node in nodes_of(path)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        reached = {
            f"{node.value.id}.{node.attr}"
            for node in nodes_of(path)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        program = '__name__ == "__main__"' in path.read_text(encoding="utf-8")
        found = calls & {"print", "exit", "input"} - ({"print"} if program else set())
        found |= reached & {"os.environ", "os.getenv", "sys.exit"}
        wrong += [f"{path.relative_to(ROOT)} has {name}" for name in found]
    assert wrong == []


# Pillow opens these files outside of the decoder, each for a reason.
OPENED_BY_PILLOW = {
    "indexer/training/detector/pictures.py": "pictures and masks of the public training sets",
    "indexer/training/data.py": "masks of the public training set",
    "indexer/training/originals.py": "photos of the public training set, cut as its boxes say",
    "style/stylefolder.py": "PNG files that it wrote itself, of at most 512 pixels a side",
    "style/training/pictures.py": "pictures of the operator's own training",
}
DECODER = {"decode", "EncodedImage"}  # of indexer.imaging.images


def test_photos_come_in_by_one_door():
    """Outside of the package of the decoder, pixels come from ``indexer.imaging.photos``."""
    taken, opening = [], set()
    for path, module in zip(MODULES, NAMES, strict=True):
        if ROOT / "indexer" / "imaging" in path.parents:
            continue
        for node in nodes_of(path):
            if isinstance(node, ast.ImportFrom):
                names = {alias.name for alias in node.names}
                if node.module == "indexer.imaging.images":
                    taken += [f"{module} imports {name}" for name in names & DECODER]
                elif node.module in ("indexer.imaging", "PIL"):
                    taken += [
                        f"{module} imports {name}"
                        for name in names
                        if name.endswith("ImagePlugin") or name == "images"
                    ]
            elif isinstance(node, ast.Attribute) and ast.unparse(node) == "Image.open":
                opening.add(module)
    assert taken == []
    assert opening == set(OPENED_BY_PILLOW)
