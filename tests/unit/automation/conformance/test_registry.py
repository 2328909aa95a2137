"""Tests of the check for images in the registry mirrors of a stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.conformance.registry import check_images, manifest_exists
from automation.errors import UserError
from settings.versions import RegistrySettings
from testkit.artifact_server import serve_artifacts

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
NFS = "registry.k8s.io/e2e-test-images/volume/nfs:1.6.0"
PRIVATE = "gcr.io/k8s-authenticated-test/agnhost:2.6"
INVALID = "invalid.registry.k8s.io/invalid/alpine:3.1"


def mirror(url: str, **values: str) -> RegistrySettings:
    return RegistrySettings.model_validate({"endpoint": url, **values})


def test_images_are_looked_up_by_path_and_tag_in_the_mirror() -> None:
    urls: list[str] = []

    def lookup(url: str, ca_file: Path | None) -> bool:
        urls.append(url)
        return "agnhost" in url

    images = check_images([AGNHOST, NFS], {"_default": mirror("https://r.example:5000")}, lookup)
    assert (images.present, images.missing) == ((AGNHOST,), (NFS,))
    assert "https://r.example:5000/v2/e2e-test-images/agnhost/manifests/2.63.0" in urls


def test_mirror_of_a_registry_comes_before_the_default() -> None:
    urls: list[str] = []

    def lookup(url: str, ca_file: Path | None) -> bool:
        urls.append(url)
        return True

    registries = {"gcr.io": mirror("https://g.example"), "_default": mirror("https://r.example")}
    check_images([PRIVATE], registries, lookup)
    assert urls == ["https://g.example/v2/k8s-authenticated-test/agnhost/manifests/2.6"]


def test_images_that_must_not_exist_are_not_looked_up() -> None:
    images = check_images([INVALID], {"_default": mirror("https://r.example")}, lambda *_: False)
    assert images.missing == images.present == images.unchecked == ()


def test_images_without_mirror_or_behind_a_password_are_unchecked() -> None:
    def lookup(url: str, ca_file: Path | None) -> bool:
        raise AssertionError(url)

    assert check_images([AGNHOST], {}, lookup).unchecked == (AGNHOST,)
    protected = mirror("https://r.example", username="u", password="p")
    assert check_images([AGNHOST], {"_default": protected}, lookup).unchecked == (AGNHOST,)


def test_missing_manifest_is_not_an_error_but_a_silent_registry_is(tmp_path: Path) -> None:
    with serve_artifacts(tmp_path) as server:
        assert manifest_exists(f"{server.url}/v2/x/manifests/1", server.ca_file) is False
        url = server.url
    with pytest.raises(UserError, match=r"registry mirror: .*/v2/x/manifests/1: .*; is the registry .* up\?"):
        manifest_exists(f"{url}/v2/x/manifests/1", server.ca_file)
