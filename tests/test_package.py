"""The package as Python sees it: names that come when they are asked for, and the wheel that pip installs."""

import ast
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import nst

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def python(*arguments: str, path: Path = ROOT, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(path)}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


# ---- Names


def test_a_name_is_told_to_python_and_to_type_checkers_alike():
    tree = ast.parse((ROOT / "nst" / "__init__.py").read_text("utf-8"))
    (checking,) = (node for node in tree.body if isinstance(node, ast.If))
    told = {node.module: tuple(name.name for name in node.names) for node in checking.body}
    assert told == {f"nst.{module}": names for module, names in nst._PUBLIC.items()}
    assert sorted(nst._HOME) == sorted(nst.__all__)


def test_every_name_is_there():
    for name in nst.__all__:
        assert getattr(nst, name) is not None
        assert name in dir(nst)


def test_the_page_is_built_before_torch_is_imported():
    """Which takes as long as the rest."""
    done = python("-c", "import app, sys; print('torch' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


def test_what_is_neither_a_name_nor_a_module_is_not_there():
    for name in ("nothing", "_nothing", "__wrapped__"):
        with pytest.raises(AttributeError, match=name):
            getattr(nst, name)
    with pytest.raises(ImportError, match="nothing"):
        exec("from nst import nothing")


# ---- The wheel


def requirements(name: str) -> set[str]:
    lines = (line.split(" #")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines())
    return {str(Requirement(line)) for line in lines if line and not line.startswith("#")}


def test_pip_installs_what_requirements_name():
    extras = {
        extra: {str(Requirement(line)) for line in lines} for extra, lines in PROJECT["optional-dependencies"].items()
    }
    needed = {str(Requirement(line)) for line in PROJECT["dependencies"]}
    assert needed | extras["page"] == requirements("requirements.txt")
    assert not needed & extras["page"]
    assert extras["train"] < requirements("tests/requirements.txt")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = ("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check")
    done = python(*pip, "--wheel-dir", str(folder), str(ROOT))
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_and_its_models(wheel):
    assert wheel.name.startswith(f"neural_style_transfer-{nst.__version__}-")
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        (points,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "nst = nst.cli:main" in opened.read(points).decode()
    shipped = {path.relative_to(ROOT / "models").as_posix() for path in (ROOT / "models").rglob("*") if path.is_file()}
    shipped = {name for name in shipped if not name.startswith("examples/")}  # only README shows them
    assert {f"nst/_models/{name}" for name in shipped} <= names
    assert "nst/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"nst", "neural_style_transfer"}
    assert not [name for name in names if name.startswith("nst/_models/examples/")]


def test_the_wheel_paints_from_any_folder(wheel, tmp_path):
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(installed)
    drawing = "from nst.drawings import wind; wind().resize((64, 48)).save('photo.png')"
    assert python("-c", drawing, path=installed, cwd=tmp_path).returncode == 0
    command = ("-m", "nst", "paint", "photo.png", "udnie", "-o", "out.png", "--json")
    done = python(*command, path=installed, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["size"] == [64, 48]
    where = python("-c", "import nst.models; print(nst.models.MODELS)", path=installed, cwd=tmp_path)
    assert Path(where.stdout.strip()) == (installed / "nst" / "_models").resolve()
