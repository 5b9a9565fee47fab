"""`make mutants`: breaks the judging code on purpose, one small thing at a time, and looks whether anything notices.

`python -m tools.mutation FILE [MODULE…]` adds a line of JSON for each mutant to FILE.  Cosmic Ray makes the mutants; it is not among the
project's packages: `make mutants` brings it into a place of its own.  Each is tried in a copy of the project.  First the recorded evidence
is judged with it and compared with tests/verdicts; what that does not notice gets the tests that are named after the module's folder.
AZ_MUTANTS is how many a module gets (20).
"""

from __future__ import annotations

import ast
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIRECTORIES = ("anypair", "listed", "comparison", "histories", "living_directories", "directory", "accounts")
FOLDERS = {
    "checks": ("tests/verdict", "tests/evidence/test_claims.py"),
    "verdict": ("tests/verdict", "tests/reports/test_defects.py"),
    "remediate": (
        "tests/remediate",
        "tests/security/test_commands.py",
        "tests/security/test_neighbours.py",
        "tests/reports/test_script.py",
    ),
    "evidence/subjects": (
        "tests/verdict",
        "tests/evidence/test_subjects.py",
        "tests/evidence/test_claims.py",
        "tests/evidence/test_together.py",
        "tests/remediate",
    ),
    **{
        f"evidence/collect/{name}.py": tuple(f"tests/evidence/test_{each}.py" for each in DIRECTORIES)
        for name in (
            "comparison",
            "covered",
            "differing",
            "changelog",
            "kept",
            "remembering",
            "anypair",
            "listing",
            "sealed",
            "listed",
        )
    },
}
"""What is mutated, and which tests stand for it besides the recorded evidence."""
WANTS_MORE = frozenset({"core/VariableInserter", "core/VariableReplacer"})
"""Operators that are told which variables they are about."""
PATIENCE = 600.0
"""Seconds for a mutant that loops."""
MANY = int(os.environ.get("AZ_MUTANTS", "20"))


def modules(wanted: list[str]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    for folder, tests in FOLDERS.items():
        place = ROOT / folder
        for path in [place] if place.suffix else sorted(place.rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if path.stat().st_size > 0 and path.stem != "__main__" and (not wanted or name in wanted):
                yield path, tests


def without_annotations(source: str) -> str:
    """What Python runs of a source: types and docstrings change nothing."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
            for each in (*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs):
                each.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(value=None)
    return ast.dump(tree)


def mutants(path: Path) -> list[tuple[str, int, str]]:
    """Operator, occurrence and source of a module's mutants: a sample that is the same each time, one of a place."""
    from cosmic_ray.ast import get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    source = path.read_bytes()
    as_it_is = without_annotations(source.decode())
    places = []
    for name in sorted(set(operator_names()) - WANTS_MORE):
        operator = get_operator(name)()
        count = sum(1 for node in _nodes(get_ast(source.decode())) for _ in operator.mutation_positions(node))
        places += [(name, number) for number in range(count)]
    random.Random(str(path.name)).shuffle(places)
    found: list[tuple[str, int, str]] = []
    taken: set[tuple[str, int]] = set()
    for name, number in places:
        place = (name.rsplit("_", 1)[0], number)  # `a - b` alone becomes eleven others
        if place in taken:
            continue
        changed = mutate_code(source, get_operator(name)(), number)
        if changed is None:
            continue
        try:
            if without_annotations(changed) == as_it_is:
                continue
        except SyntaxError:
            continue
        found.append((name, number, changed))
        taken.add(place)
        if len(found) == MANY:
            break
    return found


def _nodes(node: object) -> Iterator[object]:
    yield node
    for child in getattr(node, "children", ()):
        yield from _nodes(child)


def copied(place: Path) -> None:
    """A copy of what git knows, or would."""
    for name in subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n"):
        if name and (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)


def noticed(place: Path, tests: tuple[str, ...]) -> str:
    """Which recorded evidence is judged otherwise, or which test fails; empty if none does."""
    words = ["-c", "tests/pytest.ini", "-x", "-q", "-p", "no:cacheprovider", "-m", "not proof and not accuracy", *tests]
    return _told(place, "recorded", "-m", "tools.mutated") or _told(place, "tests", "-m", "pytest", *words)


def _told(place: Path, by: str, *words: str) -> str:
    python = os.environ.get("AZ_PYTHON", sys.executable)
    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [python, *words], cwd=place, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"{by}: took too long"
    if done.returncode == 0:
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines() or ["nothing said"]
    return f"{by}: {next((line for line in reversed(lines) if line.startswith(('FAILED', 'ERROR'))), lines[-1])[:160]}"


def difference(path: Path, changed: str) -> str:
    """The lines that a mutant changes."""
    lines = difflib.unified_diff(path.read_text().splitlines(), changed.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++")))


def main() -> int:
    file, wanted = Path(sys.argv[1]), sys.argv[2:]
    done = {
        (row["module"], row["operator"], row["number"])
        for row in map(json.loads, file.read_text().splitlines() if file.exists() else ())
    }
    with tempfile.TemporaryDirectory() as folder:
        copied(Path(folder))
        _all(file, Path(folder), wanted, done)
    return 0


def _all(file: Path, place: Path, wanted: list[str], done: set[tuple[str, str, int]]) -> None:
    quiet: set[tuple[str, ...]] = set()
    for path, tests in modules(wanted):
        if tests not in quiet:
            if told := noticed(place, tests):
                raise SystemExit(f"without any mutant: {told}")
            quiet.add(tests)
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for operator, number, changed in mutants(path):
            if (module, operator, number) in done:
                continue
            changing = place / path.relative_to(ROOT)
            changing.write_text(changed, encoding="utf-8")
            killed = noticed(place, tests)
            shutil.copy(path, changing)
            row = {
                "module": module,
                "operator": operator,
                "number": number,
                "killed": killed,
                "changes": difference(path, changed),
            }
            with file.open("a") as lines:
                lines.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    sys.exit(main())
