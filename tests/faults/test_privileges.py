"""Tests of the privileges in the highly available stack: the CIS checks, and the users of services."""

from __future__ import annotations

from testkit.figures import RecordFigures
from tests.faults.ha import HaCluster
from tests.faults.privileges import assert_no_failed_check, assert_services_have_no_privileges


def test_no_check_of_cis_fails(healthy_cluster: HaCluster, record_figures: RecordFigures) -> None:
    assert_no_failed_check(healthy_cluster, record_figures)


def test_services_have_no_privileges(healthy_cluster: HaCluster) -> None:
    assert_services_have_no_privileges(healthy_cluster)
