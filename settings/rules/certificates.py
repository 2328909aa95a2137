"""Rules about the rotation of certificates [B3]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem
from settings.rules.base import RuleInput, rule


@rule(needs=("certificates",))
def first_generation_has_no_stage(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse rotation stages for the first generation, because it replaces no other generation.

    The first generation of `kubelet-serving` replaces the CA `kubernetes`.
    """
    certificates = rule_input.settings.certificates
    sections = {
        f"authorities.{name}": section
        for name, section in certificates.authorities.items()
        if name != "kubelet-serving"
    }
    sections |= {"service_account": certificates.service_account, "encryption": certificates.encryption}
    for path, section in sections.items():
        if section.generation == 1 and section.stage != "done":
            yield Problem(
                f"certificates.{path}.stage",
                f'"{section.stage}"',
                "the first generation replaces no other; to rotate set generation: 2 and stage: trust, "
                "then in later runs sign and done",
            )


@rule(needs=("certificates",))
def rsa_keys_begin_with_an_existing_generation(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the number of a later generation, because this setting would change nothing yet."""
    section = rule_input.settings.certificates.service_account
    if section.rsa_from is not None and section.rsa_from > section.generation:
        yield Problem(
            "certificates.service_account.rsa_from",
            str(section.rsa_from),
            f"there is no such generation yet; to rotate set generation: {section.rsa_from} and stage: trust",
        )
