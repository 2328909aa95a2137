"""Tests of Kubernetes objects on a real API server with the real engine."""

from __future__ import annotations

import json

from testkit.control_plane import ControlPlane
from tests.plugins.kubernetes.stack import PluginStack

OBJECTS_PROGRAM = """
    ns = k8s.core.v1.Namespace("basics", metadata={"name": "basics"}, opts=on)
    config = k8s.core.v1.ConfigMap(
        "config", metadata={"name": "config", "namespace": ns.metadata.name}, data={"colour": "%(colour)s"},
        opts=on)
    unnamed = k8s.core.v1.ConfigMap("unnamed", metadata={"namespace": "basics"}, data={"a": "b"},
        opts=ResourceOptions(provider=cluster, depends_on=[ns]))
    secret = k8s.core.v1.Secret("token", metadata={"name": "token", "namespace": ns.metadata.name},
        string_data={"word": "%(word)s"}, opts=on)
    role = k8s.rbac.v1.ClusterRole("reader", metadata={"name": "reader"},
        rules=[{"api_groups": [""], "resources": ["pods"], "verbs": ["get", "list"]}], opts=on)
    k8s.rbac.v1.ClusterRoleBinding("readers", metadata={"name": "readers"},
        role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": %(role)s},
        subjects=[{"kind": "Group", "name": "people", "api_group": "rbac.authorization.k8s.io"}], opts=on)
    k8s.apps.v1.Deployment("web", metadata={"name": "web", "namespace": ns.metadata.name,
            "annotations": {"pulumi.com/skipAwait": "true"}},
        spec={"replicas": %(replicas)s, "selector": {"match_labels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "example/web:1"}]}}}, opts=on)
    pulumi.export("name", unnamed.metadata.name)
    pulumi.export("word", secret.data["word"])
"""
INITIAL_VALUES = {"colour": "red", "word": "open-sesame", "role": "role.metadata.name", "replicas": 1}


def test_objects_are_created_updated_replaced_and_deleted(
    stack: PluginStack, control_plane: ControlPlane
) -> None:
    stack.write_program(OBJECTS_PROGRAM % INITIAL_VALUES)
    preview = stack.preview()
    assert "open-sesame" not in preview
    stack.up()
    assert (
        control_plane.kubectl("get", "configmap", "-n", "basics", "config", "-ojsonpath={.data.colour}")
        == "red"
    )
    assert stack.planned_operations() == {}
    assert "open-sesame" not in json.dumps(stack.exported_state())
    assert "b3Blbi1zZXNhbWU" not in json.dumps(stack.exported_state())

    stack.write_program(
        OBJECTS_PROGRAM % {**INITIAL_VALUES, "colour": "blue", "word": "shut-sesame", "replicas": 3}
    )
    preview = stack.preview()
    assert '"red" => "blue"' in preview
    assert "sesame" not in preview
    assert stack.planned_operations() == {"update": 3}
    stack.up()
    assert (
        control_plane.kubectl("get", "configmap", "-n", "basics", "config", "-ojsonpath={.data.colour}")
        == "blue"
    )
    assert (
        control_plane.kubectl("get", "deployment", "-n", "basics", "web", "-ojsonpath={.spec.replicas}")
        == "3"
    )
    assert stack.planned_operations() == {}

    uid = control_plane.kubectl("get", "clusterrolebinding", "readers", "-ojsonpath={.metadata.uid}")
    stack.write_program(OBJECTS_PROGRAM % {**INITIAL_VALUES, "role": "'view'"})
    assert stack.planned_operations() == {"replace": 1, "update": 3}
    stack.up()
    assert control_plane.kubectl("get", "clusterrolebinding", "readers", "-ojsonpath={.metadata.uid}") != uid
    assert (
        control_plane.kubectl("get", "clusterrolebinding", "readers", "-ojsonpath={.roleRef.name}") == "view"
    )

    assert stack.run("refresh", "--yes", "--stack=test").exit_code == 0
    assert stack.planned_operations() == {}
    stack.destroy()
    assert control_plane.kubectl("get", "namespace", "basics", "--ignore-not-found") == ""


def config_map_program(name: str, body: str) -> str:
    """Return the text of a program with one ConfigMap. `body` is further arguments of the resource."""
    return f"""
    k8s.core.v1.ConfigMap("{name}", metadata={{"name": "{name}", "namespace": "default"}}, {body}, opts=on)
    """


def test_conflict_error_names_field_and_manager_and_can_be_forced(
    stack: PluginStack, control_plane: ControlPlane
) -> None:
    stack.write_program(config_map_program("shared", 'data={"colour": "red"}'))
    stack.up()
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "shared", "namespace": "default"},
        "data": {"colour": "green"},
    }
    arguments = ("apply", "--server-side", "--field-manager=painter", "--force-conflicts", "-f", "-")
    control_plane.kubectl(*arguments, stdin=json.dumps(theirs))

    stack.write_program(config_map_program("shared", 'data={"colour": "blue-and-private"}'))
    text = stack.up(fails=True)
    assert (
        'ConfigMap default/shared: fields are managed by someone else: data.colour (set by "painter"' in text
    )
    assert "pulumi.com/patchForce" in text
    assert "blue-and-private" not in text

    forced = config_map_program("shared", 'data={"colour": "blue"}')
    stack.write_program(
        forced.replace(
            '"namespace": "default"',
            '"namespace": "default", "annotations": {"pulumi.com/patchForce": "true"}',
        )
    )
    stack.up()
    assert control_plane.kubectl("get", "configmap", "shared", "-ojsonpath={.data.colour}") == "blue"
    stack.destroy()


def test_existing_object_is_overwritten_only_with_upsert(
    stack: PluginStack, control_plane: ControlPlane
) -> None:
    control_plane.kubectl("create", "configmap", "older", "--from-literal=a=1")
    stack.write_program(config_map_program("older", 'data={"b": "2"}'))
    assert "ConfigMap default/older already exists in the cluster; import it" in stack.up(fails=True)
    assert control_plane.kubectl("get", "configmap", "older", "-ojsonpath={.data}") == '{"a":"1"}'
    stack.set_provider_arguments(upsert_existing_objects=True)
    stack.up()
    assert control_plane.kubectl("get", "configmap", "older", "-ojsonpath={.data.b}") == "2"
    stack.destroy()


def test_interrupted_create_is_completed_by_the_next_up(
    stack: PluginStack, control_plane: ControlPlane
) -> None:
    stack.write_program(config_map_program("lost", 'data={"a": "1"}'))
    stack.up()
    # Import the state of a run that was killed after the object was created and before it was recorded.
    state = stack.exported_state()
    state["deployment"]["resources"] = []
    (stack.directory / "empty.json").write_text(json.dumps(state))
    assert stack.run("stack", "import", "--stack=test", "--file", "empty.json").exit_code == 0
    stack.up()
    stack.write_program(config_map_program("lost", 'data={"a": "2"}'))
    stack.up()
    assert control_plane.kubectl("get", "configmap", "lost", "-ojsonpath={.data.a}") == "2"
    stack.destroy()


def test_immutable_data_is_replaced_under_the_same_name(
    stack: PluginStack, control_plane: ControlPlane
) -> None:
    stack.set_provider_arguments(enable_config_map_mutable=False)
    stack.write_program(config_map_program("fixed", 'data={"a": "1"}'))
    stack.up()
    stack.write_program(config_map_program("fixed", 'data={"a": "2"}'))
    assert stack.planned_operations() == {"replace": 1}
    stack.up()
    assert control_plane.kubectl("get", "configmap", "fixed", "-ojsonpath={.data.a}") == "2"
    stack.destroy()


def test_object_that_is_not_ready_is_kept_and_retried(
    stack: PluginStack, control_plane: ControlPlane
) -> None:
    service = """
    k8s.core.v1.Service("lonely", metadata={"name": "lonely", "namespace": "default",
            "annotations": {"pulumi.com/timeoutSeconds": "2"}},
        spec={"selector": {"app": "nobody"}, "ports": [{"port": 80}]%s}, opts=on)
    """
    stack.write_program(service % "")
    text = stack.up(fails=True)
    assert "Service default/lonely is not ready in time: no ready pod matches its selector" in text
    assert stack.planned_operations() == {"update": 1}
    control_plane.kubectl("get", "service", "lonely")
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "lonely-1",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "lonely"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": True}}],
        "ports": [{"port": 80}],
    }
    control_plane.kubectl("apply", "-f", "-", stdin=json.dumps(endpoints))
    stack.up()
    assert stack.planned_operations() == {}
    stack.destroy()
    control_plane.kubectl("delete", "endpointslice", "lonely-1")


def test_drift_is_shown_after_a_refresh_and_reverted(stack: PluginStack, control_plane: ControlPlane) -> None:
    stack.set_provider_arguments(enable_patch_force=True)
    stack.write_program(config_map_program("drifting", 'data={"a": "1"}'))
    stack.up()
    control_plane.kubectl("patch", "configmap", "drifting", "--patch", '{"data": {"a": "9", "b": "2"}}')
    assert stack.planned_operations() == {}
    assert stack.run("refresh", "--yes", "--stack=test").exit_code == 0
    assert '"9" => "1"' in stack.preview()
    control_plane.kubectl("delete", "configmap", "drifting")
    assert stack.run("refresh", "--yes", "--stack=test").exit_code == 0
    assert stack.planned_operations() == {"create": 1}
    stack.destroy()


def test_existing_object_is_imported_by_its_id(stack: PluginStack, control_plane: ControlPlane) -> None:
    control_plane.kubectl("create", "configmap", "adopted", "--from-literal=a=1")
    imported = """
    k8s.core.v1.ConfigMap("adopted", metadata={"name": "adopted", "namespace": "default"}, data={"a": "1"},
        opts=ResourceOptions(provider=cluster, import_="default/adopted"))
    """
    stack.write_program(imported)
    stack.up()
    stack.write_program(config_map_program("adopted", 'data={"a": "1"}'))
    assert stack.planned_operations() == {}
    stack.destroy()
    assert control_plane.kubectl("get", "configmap", "adopted", "--ignore-not-found") == ""


def test_custom_resources_and_patches_are_applied(stack: PluginStack, control_plane: ControlPlane) -> None:
    stack.write_program("""
    crd = k8s.apiextensions.v1.CustomResourceDefinition(
        "widgets", metadata={"name": "widgets.example.com"}, spec={
        "group": "example.com", "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"open_apiv3_schema": {
            "type": "object", "properties": {"spec": {"type": "object", "properties": {
                "size": {"type": "integer"}}}}}}}]}, opts=on)
    k8s.apiextensions.CustomResource("one", api_version="example.com/v1", kind="Widget",
        metadata={"name": "one"}, spec={"size": 3},
        opts=ResourceOptions(provider=cluster, depends_on=[crd]))
    k8s.core.v1.NamespacePatch("labelled", metadata={"name": "kube-public", "labels": {"seen": "yes"}},
        opts=on)
    """)
    stack.preview()
    stack.up()
    assert stack.planned_operations() == {}
    assert control_plane.kubectl("get", "widgets", "one", "-ojsonpath={.spec.size}") == "3"
    assert control_plane.kubectl("get", "ns", "kube-public", "-ojsonpath={.metadata.labels.seen}") == "yes"
    stack.destroy()
    assert control_plane.kubectl("get", "ns", "kube-public", "-ojsonpath={.metadata.labels.seen}") == ""


def test_preview_of_an_invalid_object_fails_without_showing_secrets(stack: PluginStack) -> None:
    stack.write_program("""
    k8s.core.v1.Secret("bad", metadata={"name": "Not_A_Name", "namespace": "default"},
        string_data={"word": "open-sesame"}, opts=on)
    """)
    text = stack.preview(fails=True)
    assert "Secret default/Not_A_Name: " in text
    assert "metadata.name" in text
    assert "open-sesame" not in text
    # An error interrupts the program, which may add a traceback of the language host to the output.
    assert "lab/plugins" not in text


def test_unreachable_cluster_is_reported_and_can_be_deleted_from_the_state(stack: PluginStack) -> None:
    stack.write_program(config_map_program("stranded", 'data={"a": "1"}'))
    stack.up()
    reachable = (stack.directory / "kubeconfig").read_text()
    broken = json.loads(reachable)
    broken["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    (stack.directory / "kubeconfig").write_text(json.dumps(broken))
    stack.write_program(config_map_program("stranded", 'data={"a": "2"}'))
    assert '"1" => "2"' in stack.preview()
    text = stack.up(fails=True)
    assert "cluster loopback at https://127.0.0.1:9 cannot be reached: Connection refused" in text
    assert "deleteUnreachable" in stack.destroy(fails=True)
    stack.set_provider_arguments(delete_unreachable=True)
    stack.up("--target=**cluster")
    stack.destroy()
