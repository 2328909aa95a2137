"""Builds the Python package `kubewright` from packages of this repository.

The packages of this repository have general names, such as `settings`, which can conflict with modules of the
programs of users. The build therefore moves them below `kubewright` (`settings` becomes
`kubewright.settings`, `package` becomes `kubewright` itself) and rewrites their imports. The metadata is in
`pyproject.toml`, the versions of the dependencies are in `requirements.txt`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
NAME = "kubewright"
PACKAGES = {"package": NAME} | {
    name: f"{NAME}.{name}"
    for name in (
        "formats", "topology", "redaction", "nodeconfig", "artifacts", "settings", "assembly", "components",
        "providers",
    )
}  # fmt: skip
"""The packages of the repository that the build contains, with their new names."""
DEPENDENCIES = (
    "pulumi", "pulumi-command", "pulumi-kubernetes", "pulumi-tls", "pydantic", "PyYAML", "packaging",
    "filelock", "rich", "ahocorasick-rs", "bcrypt",
)  # fmt: skip
EXTRAS = {
    "aws": ("pulumi-aws", "boto3", "cryptography"),
    "azure": (
        "pulumi-azure-native",
        "azure-identity",
        "azure-mgmt-compute",
        "azure-storage-blob",
        "cryptography",
        "tenacity",
    ),
}
_IMPORT = re.compile(r"(from|import)\s+")
_PIN = re.compile(r"^([A-Za-z0-9-]+)==(\d+)(\.\S+)", re.MULTILINE)


def rewrite_imports(source: str) -> str:
    """Return the source of a module in which the repository's packages are imported from `kubewright`.

    Raise ValueError for `import a.b` and `import a, b` of these packages, because such imports bind the
    top-level name `a`, which does not exist in the installed package.
    """
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            module = node.module or ""
        elif isinstance(node, ast.Import):
            module = next((alias.name for alias in node.names if _is_own(alias.name)), "")
        else:
            continue
        if not _is_own(module):
            continue
        index, line = node.lineno - 1, lines[node.lineno - 1]
        start = node.col_offset + len(_IMPORT.match(line[node.col_offset :])[0])  # type: ignore[index]
        if isinstance(node, ast.ImportFrom):
            lines[index] = line[:start] + _new_name(module) + line[start + len(module) :]
        elif len(node.names) == 1 and "." not in module:
            lines[index] = f"{line[: node.col_offset]}from {NAME} import {line[start:]}"
        else:
            raise ValueError(
                f"line {node.lineno}: import of a top-level name; write "
                f"`from {module.rpartition('.')[0] or module} import …`"
            )
    return "".join(lines)


def _is_own(module: str) -> bool:
    return module.partition(".")[0] in PACKAGES


def _new_name(module: str) -> str:
    top, dot, rest = module.partition(".")
    return PACKAGES[top] + dot + rest


class BuildPackage(build_py):
    """The build step for Python modules, extended to rewrite imports."""

    def build_module(self, module: str, module_file: str, package: str) -> tuple[str, bool]:
        """Copy a module and rewrite its imports."""
        target, _ = super().build_module(module, module_file, package)
        Path(target).write_text(rewrite_imports(Path(module_file).read_text()))
        return target, True


def packages() -> list[str]:
    """Return the names of all packages below `kubewright`, at any depth."""
    files = sorted(path for top in PACKAGES for path in (ROOT / top).rglob("__init__.py"))
    return [_new_name(".".join(path.relative_to(ROOT).parent.parts)) for path in files]


def requirements(names: tuple[str, ...]) -> list[str]:
    """Return requirements that allow newer versions with the same major version as in requirements.txt."""
    pins = {
        name: (major, rest) for name, major, rest in _PIN.findall((ROOT / "requirements.txt").read_text())
    }
    return [f"{name}>={pins[name][0]}{pins[name][1]},<{int(pins[name][0]) + 1}" for name in names]


if __name__ == "__main__":
    setup(
        packages=packages(),
        package_dir={target: source for source, target in PACKAGES.items()},
        package_data={
            "": [
                *("*.sh", "py.typed", "schema.json", "machine_types.json"),
                *("*_crds.yaml", "*_crds.json", "*_rules.yaml"),
            ],
            f"{NAME}.nodeconfig": ["host/*.sh"],
            f"{NAME}.components.addons": ["dashboards/*.yaml"],
        },
        cmdclass={"build_py": BuildPackage},
        install_requires=requirements(DEPENDENCIES),
        extras_require={name: requirements(names) for name, names in EXTRAS.items()},
    )
