"""Files that installed packages carry."""

from importlib.util import find_spec
from pathlib import Path


def package_folder(package: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"The data need the package {package}: pip install {package}", name=package
        )
    return Path(spec.submodule_search_locations[0])
