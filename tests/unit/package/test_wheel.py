"""Tests of the build of the package: its imports and requirements."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SETUP = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")


class TestRewriteImports:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("from settings.problem import Problem", "from kubewright.settings.problem import Problem"),
            ("import nodeconfig as n", "from kubewright import nodeconfig as n"),
            ("from package.build import build", "from kubewright.build import build"),
            ("if x:\n    from  topology import model", "if x:\n    from  kubewright.topology import model"),
            ("import json\nfrom .settings import a", "import json\nfrom .settings import a"),
            ("text = 'from settings import a'", "text = 'from settings import a'"),
            ("from settingsx import a", "from settingsx import a"),
        ],
    )
    def test_only_imports_of_own_packages_change(self, source: str, expected: str) -> None:
        assert SETUP["rewrite_imports"](source) == expected

    @pytest.mark.parametrize("source", ["import settings.problem", "import json, settings"])
    def test_an_import_that_binds_a_top_level_name_is_an_error(self, source: str) -> None:
        with pytest.raises(ValueError, match=r"write `from settings import …`"):
            SETUP["rewrite_imports"](source)


class TestRequirements:
    def test_all_imported_distributions_are_required(self) -> None:
        required = {*SETUP["DEPENDENCIES"], *(name for extra in SETUP["EXTRAS"].values() for name in extra)}
        assert third_party_modules() - MODULES_OF_DEPENDENCIES == {MODULES[name] for name in required}

    def test_requirements_allow_newer_releases_of_the_same_major_version(self) -> None:
        (requirement,) = SETUP["requirements"](("pulumi-command",))
        assert requirement == "pulumi-command>=1.2.1,<2"


MODULES = {
    "pulumi": "pulumi",
    "pulumi-aws": "pulumi_aws",
    "pulumi-azure-native": "pulumi_azure_native",
    "pulumi-command": "pulumi_command",
    "pulumi-kubernetes": "pulumi_kubernetes",
    "pulumi-tls": "pulumi_tls",
    "pydantic": "pydantic",
    "PyYAML": "yaml",
    "packaging": "packaging",
    "filelock": "filelock",
    "rich": "rich",
    "ahocorasick-rs": "ahocorasick_rs",
    "bcrypt": "bcrypt",
    "boto3": "boto3",
    "azure-identity": "azure.identity",
    "azure-mgmt-compute": "azure.mgmt",
    "azure-storage-blob": "azure.storage",
    "cryptography": "cryptography",
    "tenacity": "tenacity",
}
"""Modules by requirement."""
MODULES_OF_DEPENDENCIES = {
    "pydantic_core",
    "typing_extensions",
    "botocore",
    "azure.core",
    "types_boto3_autoscaling",
    "types_boto3_ec2",
    "types_boto3_s3",
}
"""Modules that another requirement installs, or that only type checkers import."""


def third_party_modules() -> set[str]:
    """Return the modules that the packaged modules import from outside of the checkout."""
    found = set()
    for package in SETUP["PACKAGES"]:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.level == 0:
                    found.add(node.module or "")
                elif isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
    tops = {".".join(name.split(".")[: 2 if name.startswith("azure.") else 1]) for name in found}
    return tops - set(sys.stdlib_module_names) - set(SETUP["PACKAGES"])
