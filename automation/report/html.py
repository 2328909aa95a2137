"""Renders reports as one HTML page without external files.

The template escapes every value, so names and error messages remain text on the page. The content security
policy of the page allows only the styles of this program and no scripts.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from automation.report.grouping import group_changes
from automation.report.model import CHANGING, Picture, Report
from automation.report.picture import render_svg
from automation.report.sanitize import escape_invisible

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_MARK_CLASSES = {"+": "plus", "-": "minus", "@": "place", " ": "same"}
ET.register_namespace("", _SVG)
ET.register_namespace("xlink", _XLINK)


def html_page(reports: Sequence[Report]) -> str:
    """Return an HTML page with the reports of these stacks. Raise `UserError` if Graphviz is missing."""
    environment = Environment(
        loader=PackageLoader("automation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["visible"] = lambda text: escape_invisible(str(text))
    return environment.get_template("report.html.j2").render(
        reports=reports,
        content_security_policy=_CONTENT_SECURITY_POLICY,
        marks=_MARK_CLASSES,
        operations=[operation.value for operation in CHANGING],
        group_changes=group_changes,
        violations=_violation_rows,
        counts=_operation_counts,
        svg=_svg_element,
    )


def _violation_rows(report: Report) -> list[list[str]]:
    return [
        [
            escape_invisible(text)
            for text in (
                violation.policy,
                violation.resource,
                violation.message,
                "mandatory" if violation.mandatory else "advisory",
            )
        ]
        for violation in report.violations
    ]


def _operation_counts(report: Report) -> list[int]:
    return [*(report.count(operation) for operation in CHANGING), report.unchanged]


def _svg_element(picture: Picture, title: str, id_: str) -> Markup:
    """Return the picture as an SVG element that is safe inside the page, because it was parsed and written
    again.
    """
    element = ET.fromstring(render_svg(picture, title))
    element.set("id", id_)
    return Markup(ET.tostring(element, encoding="unicode", method="html"))
