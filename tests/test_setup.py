"""What has to hold for the program to install and start: here, in a fresh environment, and on a Space."""

import ast
import graphlib
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
TOP_LEVEL = {
    ".ci",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "app.py",
    "models",
    "nst",
    "pyproject.toml",
    "requirements.txt",
    "tests",
}
MAX_FILE = 10 * 2**20  # bytes; a Space takes larger ones only through its large-file storage
RUN = "pip install -r requirements.txt && python app.py"
TEST = "pip install -r requirements.txt -r tests/requirements.txt && pytest"

SPACE_PYTHON = "3.12"
ZERO_GPU = {"2.8.0": "0.23.0", "2.9.1": "0.24.1", "2.10.0": "0.25.0", "2.11.0": "0.26.0"}  # torch: its torchvision
NEWEST = "newest"


def requirements(*names: str) -> list[Requirement]:
    """Every requirement of these files, in their order."""
    lines = [line.split(" #")[0].strip() for name in names for line in (ROOT / name).read_text("utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def named(name: str) -> Requirement:
    """The one requirement of requirements.txt by this name."""
    (found,) = (r for r in requirements("requirements.txt") if r.name == name)
    return found


def gradio_pin() -> str:
    (specifier,) = named("gradio").specifier
    assert specifier.operator == "=="
    return specifier.version


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def front(readme: str) -> dict:
    """README's front matter, from which a Space is built."""
    match = re.match(r"---\n(.*?)\n---\n", readme, re.DOTALL)
    assert match, "README.md does not begin with front matter"
    return yaml.safe_load(match[1])


# ---- README, commands and a Space's front matter


@pytest.mark.parametrize("command", [RUN, TEST])
def test_readme_tells_the_two_commands(readme: str, command: str):
    assert command in readme.splitlines()


def test_ci_runs_the_second_command_as_readme_has_it():
    assert (ROOT / ".ci" / "run").read_text("utf-8").splitlines()[-1] == TEST


def test_a_space_installs_the_gradio_that_requirements_pin(front: dict):
    assert (front["sdk"], front["sdk_version"]) == ("gradio", gradio_pin())


def test_a_space_runs_a_python_that_every_requirement_supports(front: dict):
    assert front["python_version"] == SPACE_PYTHON, "a string: unquoted, 3.10 would be 3.1"


def test_a_space_starts_the_program(front: dict):
    assert front["app_file"] == "app.py"
    assert (ROOT / "app.py").is_file()


def test_a_space_accepts_the_short_description(front: dict):
    assert 0 < len(front["short_description"]) <= 60


def test_a_space_preloads_vgg19_wherever_its_main_branch_stands(front: dict):
    assert front["preload_from_hub"] == ["timm/vgg19.tv_in1k model.safetensors"]
    assert "timm/vgg19.tv_in1k" in front["models"]


def test_a_space_can_be_found_and_reused(front: dict):
    assert front["title"]
    assert front["tags"]
    assert front["license"] == "mit"
    assert (ROOT / "LICENSE").read_text("utf-8").startswith("MIT License")


# ---- Requirements


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("linux", "x86_64", "onnxruntime-gpu"),
        ("win32", "AMD64", "onnxruntime-gpu"),
        ("linux", "aarch64", "onnxruntime"),
        ("darwin", "arm64", "onnxruntime"),
    ],
)
def test_every_machine_gets_one_onnx_runtime(system: str, machine: str, expected: str):
    place = default_environment() | {"sys_platform": system, "platform_machine": machine}
    flavors = [r for r in requirements("requirements.txt") if r.name.startswith("onnxruntime")]
    assert [r.name for r in flavors if r.marker.evaluate(place)] == [expected]


@pytest.mark.parametrize(("torch", "torchvision"), ZERO_GPU.items())
def test_what_zero_gpu_offers_is_admitted(torch: str, torchvision: str):
    assert named("torch").specifier.contains(torch)
    assert named("torchvision").specifier.contains(torchvision)


def test_whatever_is_imported_is_required():
    """An import that only works because another package requires it breaks when that package stops doing so."""
    installed = packages_distributions()
    own = {"app", "nst", "spaces"}  # a Space brings `spaces`; the program does without
    for path in python_files():
        # Training also needs the tests' requirements, which include the exporter's packages.
        files = ["requirements.txt", *["tests/requirements.txt"] * (path.parent.name == "training")]
        needed = {canonicalize_name(r.name) for r in requirements(*files)}
        for module in imports(path):
            top = module.split(".")[0]
            if top not in own | sys.stdlib_module_names:
                brought = {canonicalize_name(name) for name in installed.get(top, ())}
                assert needed & brought, f"{path.relative_to(ROOT)} imports {top}, which {files} do not name"


def pip(*arguments: str | Path, run: tuple[str, ...] = ("-m", "pip")) -> subprocess.CompletedProcess:
    command = [sys.executable, *run, *map(str, arguments), "--quiet", "--disable-pip-version-check", "--no-input"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def on_a_space(tmp_path_factory: pytest.TempPathFactory) -> dict[str, subprocess.CompletedProcess | dict[str, str]]:
    """What a Space's builder would install, as {name: version}, with torch as it comes and with two of ZeroGPU's.

    The newest pip resolves, as on a Space; for a dry run it reads the wheels' metadata and leaves the gigabytes.
    """
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("A Space is a Linux machine on x86-64, and pip cannot resolve for another kind than it runs on.")
    folder = tmp_path_factory.mktemp("resolve")
    hasty = ("--retries", "0", "--timeout", "15")
    found = pip("download", "--no-deps", "--dest", folder, *hasty, "pip")
    if found.returncode:
        pytest.skip(f"pip cannot be fetched from the package index: {found.stderr.strip()}")
    newest = (f"{next(folder.glob('pip-*.whl'))}/pip",)
    dry = ("install", "--dry-run", "--ignore-installed", "--use-feature=fast-deps")
    reached = pip(*dry, "--no-deps", *hasty, "gradio", run=newest)
    if reached.returncode:
        pytest.skip(f"The package index cannot be reached: {reached.stderr.strip()}")

    sdk = gradio_pin()
    builder = (f"gradio[oauth,mcp]=={sdk}", "uvicorn>=0.14.0", "websockets>=10.4", "spaces")
    target = ("--python-version", SPACE_PYTHON, "--only-binary=:all:", "--target", folder / "target")

    def resolve(torch: str) -> subprocess.CompletedProcess | dict[str, str]:
        report = folder / f"{torch}.json"
        pinned = () if torch == NEWEST else (f"torch=={torch}",)
        done = pip(*dry, *target, "--report", report, "-r", ROOT / "requirements.txt", *builder, *pinned, run=newest)
        if done.returncode:
            return done
        packages = [entry["metadata"] for entry in json.loads(report.read_text("utf-8"))["install"]]
        return {canonicalize_name(p["name"]): p["version"] for p in packages}

    versions = (NEWEST, "2.8.0", "2.11.0")  # of ZeroGPU's, one built for CUDA 12 and one for CUDA 13
    with ThreadPoolExecutor(len(versions)) as threads:
        return dict(zip(versions, threads.map(resolve, versions), strict=True))


@pytest.mark.parametrize("torch", [NEWEST, "2.8.0", "2.11.0"])
def test_a_space_resolves_the_requirements(on_a_space: dict, torch: str):
    installed = on_a_space[torch]
    assert isinstance(installed, dict), installed.stderr
    assert installed["gradio"] == gradio_pin()
    assert torch in (NEWEST, installed["torch"])
    assert installed["torchvision"] == ZERO_GPU.get(torch, installed["torchvision"])
    # Those for CUDA 12 and for CUDA 13 are different packages with the same files: torch would load the wrong ones.
    assert len([name for name in installed if name.startswith("nvidia-cudnn")]) == 1


# ---- Files


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """The repository's files, those included that are about to be added, relative to its root."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"Without git there is no list of the repository's files: {error}")
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_the_top_level_holds_what_the_plan_has_and_nothing_else(files: list[Path]):
    assert {path.parts[0] for path in files} <= TOP_LEVEL


def test_every_file_is_small_enough_for_plain_git(files: list[Path]):
    assert not [path for path in files if (ROOT / path).stat().st_size > MAX_FILE]


# ---- Which module may import which


def python_files() -> list[Path]:
    return [ROOT / "app.py", *sorted((ROOT / "nst").rglob("*.py"))]


def imports(path: Path) -> Iterator[str]:
    """The full names of all that a file imports, wherever in it: ``from nst import fast`` gives ``nst.fast``."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            yield from (".".join((*above, *filter(None, [node.module]), alias.name)) for alias in node.names)


def room(path: Path) -> str:
    """The module's name: ``nst/page/texts.py`` is ``nst.page.texts``."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def within(module: str, *rooms: str) -> bool:
    return any(f"{module}.".startswith(f"{name}.") for name in rooms)


@pytest.mark.parametrize(
    ("guarded", "rooms"),
    [
        ("gradio", ["nst.page"]),
        ("gradio_client", []),
        ("huggingface_hub", ["nst.hub"]),
        ("onnxruntime", ["nst.feedforward", "nst.training", "nst.benchmark"]),
        ("spaces", ["nst.device"]),
        ("sklearn", ["nst.regions"]),
        ("av", ["nst.video"]),
        ("cv2", ["nst.video"]),
        ("scipy", ["nst.regions"]),
        ("nst.page", ["nst.page", "nst.cli", "app"]),
        ("nst.training", ["nst.training"]),  # a tool, not what the app runs
    ],
)
def test_a_wall_stands(guarded: str, rooms: list[str]):
    through = {room(path) for path in python_files() if any(within(name, guarded) for name in imports(path))}
    assert not {module for module in through if not within(module, *rooms)}


FLOORS = (
    {"errors", "version", "models", "terminal"},
    {"color", "oklab", "tensors", "losses", "device", "memory", "jobs", "images", "saving", "recipe", "drawings"},
    {"knobs"},
    {"settings", "hub", "backbones", "regions"},
    {"optimization", "feedforward"},
    {"requests", "photolook", "video"},
    {"arguments", "batch", "benchmark"},
    {"page", "training", "cli"},
    {"__main__", "app"},
)
"""The rooms of ``nst`` from the ground up: a room imports what is below it, and of its own floor what is in its row."""


def test_every_import_goes_down_or_stays_on_its_floor():
    floors = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    rooms = {room(path): path for path in python_files()}
    for name, path in rooms.items():
        if name == "nst":
            continue
        here = floors[name.removeprefix("nst.").partition(".")[0]]
        there = {module.removeprefix("nst.").partition(".")[0] for module in imports(path) if within(module, "nst")}
        assert not {module for module in there if floors.get(module, -1) > here}, name


def test_imports_point_one_way():
    rooms = {room(path): path for path in python_files()}
    needs = {}
    for name, path in rooms.items():
        # `from nst.errors import ImageError` gives nst.errors.ImageError, whose module is nst.errors.
        given = {module if module in rooms else module.rpartition(".")[0] for module in imports(path)}
        needs[name] = given & rooms.keys() - {name}
    graphlib.TopologicalSorter(needs).prepare()
