"""Invalid settings of Helm releases."""

from __future__ import annotations

from tests.unit.settings.support import InvalidSettings

URL = "https://charts.example"
NAMED = {"chart": "nginx", "version": "1.0.0", "repository": URL}
OCI = {"chart": "oci://registry.example/web", "version": "1.0.0"}
PINNED = {"chart": "oci://registry.example/web@sha256:" + "a" * 64}
LOGIN = {"username": "me", "password": "hunter22"}
LOCAL = {"chart": "./charts/web"}
WEB = {"kind": "Deployment", "name": "web"}


def operation(**fields: object) -> dict[str, object]:
    """Return the key `patches` with one operation."""
    return {"patches": [{"target": WEB, "operations": [fields]}]}


HELM_RELEASES = (
    InvalidSettings("helm_releases.web.chart", "missing; add it", {"helm_releases.web": {}}),
    InvalidSettings(
        "helm_releases.web.repository",
        "missing; the chart is given by its name",
        {"helm_releases.web": {"chart": "nginx", "version": "1.0.0"}},
    ),
    InvalidSettings(
        "helm_releases.web.version",
        "two runs could install different charts",
        {"helm_releases.web": {"chart": "nginx", "repository": "https://charts.example"}},
    ),
    InvalidSettings(
        "helm_releases.web.repository",
        "allowed only with a chart's name",
        {"helm_releases.web": {"chart": "./charts/web", "repository": "https://charts.example"}},
    ),
    InvalidSettings(
        "helm_releases.web.chart",
        "no digest after @; write sha256: and 64 of 0-9 and a-f",
        {"helm_releases.web": {"chart": "oci://registry.example/web@sha256:1f2d"}},
    ),
    InvalidSettings(
        "helm_releases.web.chart",
        "only oci:// references have digests",
        {"helm_releases.web": {"chart": "web@sha256:1f2d", "repository": "https://charts.example"}},
    ),
    InvalidSettings("helm_releases", "not a DNS label", {"helm_releases": {"Web": {"chart": "./web"}}}),
    InvalidSettings(
        "helm_releases." + "x" * 60,
        "too long a name; Helm allows at most 53",
        {"helm_releases": {"x" * 60: {"chart": "./web"}}},
    ),
    InvalidSettings(
        "helm_releases.web.namespace",
        "no such namespace; did you mean team-a?",
        {"helm_releases.web": {"chart": "./web", "namespace": "teama"}, "access.namespaces": {"team-a": {}}},
    ),
    InvalidSettings(
        "helm_releases.web.repository",
        "not an https URL",
        {"helm_releases.web": NAMED | {"repository": "http://charts.example"}},
    ),
    InvalidSettings(
        "helm_releases.web.repository",
        "must be a URL, or a mapping with url",
        {"helm_releases.web": NAMED | {"repository": ["https://charts.example"]}},
    ),
    InvalidSettings(
        "helm_releases.web.repository.url",
        "missing; the chart is given by its name, so write the URL",
        {"helm_releases.web": NAMED | {"repository": {"ca_file": "ca.crt"}}},
    ),
    InvalidSettings(
        "helm_releases.web.repository.url",
        "contains a user or password",
        {"helm_releases.web": NAMED | {"repository": {"url": "https://me:hunter2@charts.example"}}},
    ),
    InvalidSettings(
        "helm_releases.web.repository.user",
        "unknown key; did you mean username?",
        {"helm_releases.web": NAMED | {"repository": {"url": URL, "user": "me"}}},
    ),
    InvalidSettings(
        "helm_releases.web.repository.ca_file",
        "is empty; remove the key",
        {"helm_releases.web": NAMED | {"repository": {"url": URL, "ca_file": ""}}},
    ),
    InvalidSettings(
        "helm_releases.web.repository.password",
        "a repository needs username and password",
        {"helm_releases.web": NAMED | {"repository": {"url": URL, "username": "me"}}},
    ),
    InvalidSettings(
        "helm_releases.web.repository.username",
        "a repository needs username and password",
        {"helm_releases.web": NAMED | {"repository": {"url": URL, "password": "hunter22"}}},
    ),
    InvalidSettings(
        "helm_releases.web.repository.password",
        "empty; give the password",
        {"helm_releases.web": NAMED | {"repository": {"url": URL, "username": "me", "password": ""}}},
    ),
    InvalidSettings(
        "helm_releases.web.repository",
        "an oci:// reference names its registry",
        {"helm_releases.web": OCI | {"repository": {"url": URL, **LOGIN}}},
    ),
    InvalidSettings(
        "helm_releases.web.repository.ca_file",
        "Pulumi does not use it for oci:// charts",
        {"helm_releases.web": OCI | {"repository": {"ca_file": "ca.crt", **LOGIN}}},
    ),
    InvalidSettings(
        "helm_releases.web.repository",
        "is empty; write username and password of the registry",
        {"helm_releases.web": OCI | {"repository": {}}},
    ),
    InvalidSettings(
        "helm_releases.web.repository.username",
        '"me:too": contains a colon',
        {"helm_releases.web": OCI | {"repository": LOGIN | {"username": "me:too"}}},
    ),
    InvalidSettings(
        "helm_releases.web.repository",
        "helm_releases.cache has another login for registry.example",
        {
            "helm_releases": {
                "cache": OCI | {"repository": LOGIN},
                "web": OCI | {"repository": LOGIN | {"username": "you"}},
            }
        },
    ),
    InvalidSettings(
        "helm_releases.web.images[0]",
        "not the full name of an image",
        {"helm_releases.web": LOCAL | {"images": ["nginx"]}},
    ),
    InvalidSettings(
        "helm_releases.web.version",
        "missing; artifacts.charts is mirror, and a mirror has charts by version",
        {"helm_releases.web": PINNED, "artifacts.charts": "mirror"},
    ),
    InvalidSettings(
        "artifacts.charts",
        "unknown; allowed: source, mirror",
        {"helm_releases.web": LOCAL, "artifacts.charts": "own"},
    ),
    InvalidSettings(
        "helm_releases.web.patches[0]",
        "needs either merge or operations",
        {"helm_releases.web": LOCAL | {"patches": [{"target": WEB}]}},
    ),
    InvalidSettings(
        "helm_releases.web.patches[0]",
        "changes metadata.name, but an object keeps",
        {"helm_releases.web": LOCAL | {"patches": [{"target": WEB, "merge": {"metadata": {"name": "a"}}}]}},
    ),
    InvalidSettings(
        "helm_releases.web.patches[0].operations[0].path",
        '"spec.replicas": not the path of a field',
        {"helm_releases.web": LOCAL | operation(op="add", path="spec.replicas", value=1)},
    ),
    InvalidSettings(
        "helm_releases.web.patches[0].operations[0].value",
        "missing; replace needs the new value",
        {"helm_releases.web": LOCAL | operation(op="replace", path="/spec/replicas")},
    ),
    InvalidSettings(
        "helm_releases.web.patches[0].operations[0].value",
        "remove needs no value",
        {"helm_releases.web": LOCAL | operation(op="remove", path="/spec/replicas", value=1)},
    ),
    InvalidSettings(
        "helm_releases.web.patches[0].target.kind",
        "missing; add it",
        {"helm_releases.web": LOCAL | {"patches": [{"target": {"name": "web"}, "merge": {}}]}},
    ),
    InvalidSettings(
        "helm_releases.web.wait", "must be true or false", {"helm_releases.web": LOCAL | {"wait": "soon"}}
    ),
    InvalidSettings(
        "helm_releases.web.atomic",
        "waits for the release, but wait is false",
        {"helm_releases.web": LOCAL | {"wait": False, "atomic": True}},
    ),
    InvalidSettings(
        "helm_releases.web.skip_crd",
        "unknown key; did you mean skip_crds?",
        {"helm_releases.web": LOCAL | {"skip_crd": True}},
    ),
    InvalidSettings(
        "helm_releases.web.dependency_update",
        "allowed only for a directory of the checkout",
        {"helm_releases.web": NAMED | {"dependency_update": True}},
    ),
    InvalidSettings(
        "helm_releases.archive.dependency_update",
        "allowed only for a directory of the checkout",
        {"helm_releases.archive": {"chart": "./web-1.0.0.tgz", "dependency_update": True}},
    ),
    InvalidSettings(
        "helm_releases.web.after[0]",
        '"databse": no such release; did you mean database?',
        {"helm_releases": {"web": LOCAL | {"after": ["databse"]}, "database": LOCAL}},
    ),
    InvalidSettings(
        "helm_releases.web.after[0]",
        '"queue": no such release; add it to helm_releases',
        {"helm_releases": {"web": LOCAL | {"after": ["queue"]}}},
    ),
    InvalidSettings(
        "helm_releases.web.after[0]",
        "a release cannot wait for itself",
        {"helm_releases": {"web": LOCAL | {"after": ["web"]}}},
    ),
    InvalidSettings(
        "helm_releases.web.after[1]",
        "this release is named twice",
        {"helm_releases": {"web": LOCAL | {"after": ["db", "db"]}, "db": LOCAL}},
    ),
    InvalidSettings(
        "helm_releases.web.after", "must be a list", {"helm_releases.web": LOCAL | {"after": "db"}}
    ),
    InvalidSettings(
        "helm_releases.a.after",
        "a -> b -> c -> a: these releases wait for each other",
        {
            "helm_releases": {
                "first": LOCAL | {"after": ["a"]},
                "a": LOCAL | {"after": ["b"]},
                "b": LOCAL | {"after": ["d", "c"]},
                "c": LOCAL | {"after": ["a", "b"]},
                "d": LOCAL,
            }
        },
    ),
    InvalidSettings(
        "helm_releases.web.values_files",
        "must be a list",
        {"helm_releases.web": LOCAL | {"values_files": "values.yaml"}},
    ),
    InvalidSettings(
        "helm_releases.web.values_files[1]",
        "is in the list twice",
        {"helm_releases.web": LOCAL | {"values_files": ["values.yaml", "values.yaml"]}},
    ),
)
