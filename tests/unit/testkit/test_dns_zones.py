"""Tests of the zone files of the DNS server for lab tests."""

from __future__ import annotations

from testkit.dns_zones import zone_file

RECORDS = {
    "ns.sites.example": "10.72.0.254",
    "shop.sites.example": "10.72.0.21",
    "www.othersites.example": "10.72.0.22",
}


def addresses(zone: str, records: dict[str, str]) -> list[str]:
    return [line for line in zone_file(zone, records).splitlines() if " A " in line]


def test_zone_has_its_records() -> None:
    assert addresses("sites.example", RECORDS) == [
        "ns.sites.example. 300 IN A 10.72.0.254",
        "shop.sites.example. 300 IN A 10.72.0.21",
    ]


def test_name_server_without_a_record_has_an_address_for_documentation() -> None:
    assert addresses("apps.example", {}) == ["ns.apps.example. 300 IN A 192.0.2.53"]
    assert "@ 300 IN NS ns.apps.example." in zone_file("apps.example", {})
