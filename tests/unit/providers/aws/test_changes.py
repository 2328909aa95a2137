"""Tests of what a changed setting changes on AWS, and of resources that must not change."""

from __future__ import annotations

import json

from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.program import (
    aws_resources,
    example_config,
    graph,
    launch_templates,
    run_program,
    user_data,
)
from tests.unit.providers.program import section


class TestChanges:
    def test_a_setting_of_one_pool_changes_no_other_pool(self, example_resources: Graph) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "pools", "batch")["kubelet"] = {"max_pods": 60}

        after = graph(edit)
        different = {
            node.name
            for node in after.nodes.values()
            if node.name in {other.name for other in example_resources.nodes.values()}
            and node.inputs != example_resources.node(node.name).inputs
        }
        assert "pools-batch-node.sh" in different
        assert different <= {
            "pools-batch-node.sh",
            "pools-batch-node.payload",
            "pool-batch-config",
            "pool-batch-template",
            "pool-batch-nodes",
        }

    def test_one_changed_setting_is_one_line_of_an_object(self, example_resources: Graph) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "pools", "batch")["kubelet"] = {"max_pods": 60}

        old = example_resources.node("pools-batch-node.sh").text("content").splitlines()
        new = graph(edit).node("pools-batch-node.sh").text("content").splitlines()
        assert len(set(new) - set(old)) == 1

    def test_changed_time_of_repairs_is_one_line_of_the_user_data_of_each_machine(
        self, example_resources: Graph
    ) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "aws")["repair_after"] = "20m"

        after = graph(edit)
        templates = launch_templates(example_resources)
        assert len(templates) >= 4
        for node in templates:
            old, new = user_data(node).splitlines(), user_data(after.node(node.name)).splitlines()
            assert set(old) - set(new) == {"REPAIR_SECONDS=900"}
            assert set(new) - set(old) == {"REPAIR_SECONDS=1200"}

    def test_a_preview_with_unknown_values_succeeds(self) -> None:
        resources = run_program(example_config(), preview=True)
        assert len(aws_resources(resources)) == len(aws_resources(graph()))
        assert json.dumps(resources.outputs)
