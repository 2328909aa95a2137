"""Tests of the images that rendered charts name."""

from __future__ import annotations

import pytest

from automation.charts.rendered import full_name, rendered_images

DIGEST = "sha256:" + "a" * 64
MANIFEST = f"""\
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      initContainers: [{{name: a, image: quay.io/team/setup:v1}}]
      containers:
      - {{name: b, image: nginx}}
      - {{name: c, image: "registry.example:5000/tool@{DIGEST}"}}
      volumes: [{{name: d, image: {{reference: ghcr.io/team/data:2, pullPolicy: Always}}}}]
---
apiVersion: batch/v1
kind: CronJob
spec: {{jobTemplate: {{spec: {{template: {{spec: {{containers: [{{name: e, image: nginx}}]}}}}}}}}}}
---
apiVersion: operator.example/v1
kind: Database
spec: {{image: {{repository: quay.io/db/server, tag: "17"}}, image2: ignored}}
---
kind: CustomResourceDefinition
spec: {{versions: [{{schema: {{properties: {{image: {{type: string}}}}}}}}], image: no/image:1}}
---
kind: ConfigMap
data: {{image: "not an image"}}
---
"""


def test_images_of_all_objects_are_found_once() -> None:
    assert rendered_images(MANIFEST) == [
        "quay.io/team/setup:v1",
        "docker.io/library/nginx:latest",
        f"registry.example:5000/tool@{DIGEST}",
        "ghcr.io/team/data:2",
        "quay.io/db/server:17",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("busybox:1.35", "docker.io/library/busybox:1.35"),
        ("team/web", "docker.io/team/web:latest"),
        ("localhost/web:1", "localhost/web:1"),
        (f"team/web:1@{DIGEST}", f"docker.io/team/web:1@{DIGEST}"),
    ],
)
def test_short_names_are_completed(name: str, expected: str) -> None:
    assert full_name(name) == expected
