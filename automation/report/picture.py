"""The cluster as a picture: Mermaid for a comment, SVG by Graphviz for a page. Changed parts are marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import graphviz

from automation.errors import UserError
from automation.report.model import Host, Operation, Picture
from topology.model import Role

MOST = 6
"""Hosts of a group with the same state that are drawn one by one; more of them are one box."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a state looks: the box' colour and border, and a sign, for those who do not see colours."""

    fill: str
    border: str
    sign: str
    dashed: bool = False


STYLES: Mapping[Operation, Style] = {
    Operation.SAME: Style("#f6f8fa", "#8c959f", ""),
    Operation.CREATE: Style("#dafbe1", "#1a7f37", "+"),
    Operation.CHANGE: Style("#fff8c5", "#9a6700", "~"),
    Operation.DELETE: Style("#ffebe9", "#cf222e", "-", dashed=True),
    Operation.REPLACE: Style("#fbefff", "#8250df", "±"),
}
_BALANCERS, _PLANES, _ETCD = "load balancers", "control planes", "etcd"


@dataclass(frozen=True, slots=True)
class Box:
    """A host, or several alike."""

    text: str
    detail: str
    state: Operation


def boxes(picture: Picture) -> dict[str, list[Box]]:
    """What is drawn, by group: members first, then pools."""
    grouped: dict[str, list[Host]] = {}
    for host in sorted(picture.hosts, key=lambda host: _rank(_group(host))):
        grouped.setdefault(_group(host), []).append(host)
    return {name: list(_boxes(hosts)) for name, hosts in grouped.items()}


def joined(before: Picture, after: Picture) -> Picture:
    """Both times in one picture: what comes and what goes is marked so."""
    now = {host.name for host in after.hosts}
    gone = [host for host in before.hosts if host.name not in now]
    return Picture((*after.hosts, *gone))


def mermaid(picture: Picture) -> str:
    """The picture as a Mermaid flowchart; empty without machines."""
    groups = boxes(picture)
    if not groups:
        return ""
    lines = ["flowchart TB"]
    states = set()
    for number, (name, drawn) in enumerate(groups.items()):
        lines.append(f'  subgraph g{number}["{_escaped(name)}"]')
        for place, box in enumerate(drawn):
            states.add(box.state)
            style = STYLES[box.state]
            text = "<br/>".join(part for part in (f"{style.sign} {box.text}".strip(), box.detail) if part)
            lines.append(f'    n{number}x{place}["{_escaped(text)}"]:::{_class(box.state)}')
        lines.append("  end")
    names = list(groups)
    lines += [f"  g{names.index(one)} --> g{names.index(other)}" for one, other in _edges(names)]
    for state in sorted(states, key=list(Operation).index):
        style = STYLES[state]
        dash = ",stroke-dasharray:5 4" if style.dashed else ""
        lines.append(
            f"  classDef {_class(state)} fill:{style.fill},stroke:{style.border},color:#1f2328{dash}"
        )
    return "\n".join(lines)


def svg(picture: Picture, title: str) -> str:
    """The picture as an SVG element, without a header. Raises `UserError` where Graphviz' dot is missing."""
    graph = graphviz.Digraph("cluster", graph_attr={"rankdir": "TB", "label": title, "labelloc": "t"})
    graph.attr(fontname="sans-serif", compound="true", bgcolor="transparent")
    graph.attr("node", shape="box", style="filled,rounded", fontname="sans-serif", fontsize="11")
    graph.attr("edge", color="#8c959f")
    groups = boxes(picture)
    for number, (name, drawn) in enumerate(groups.items()):
        with graph.subgraph(name=f"cluster_{number}") as part:
            part.attr(label=name, style="rounded", color="#8c959f", fontsize="12")
            for place, box in enumerate(drawn):
                style = STYLES[box.state]
                look = "filled,rounded,dashed" if style.dashed else "filled,rounded"
                label = "\n".join(part for part in (f"{style.sign} {box.text}".strip(), box.detail) if part)
                # Escaped: Graphviz reads \N and the like as its own.
                part.node(
                    f"n{number}x{place}",
                    graphviz.escape(label).replace("\n", "\\n"),
                    fillcolor=style.fill,
                    color=style.border,
                    style=look,
                )
            _in_order(part, [f"n{number}x{place}" for place in range(len(drawn))])
    names = list(groups)
    for one, other in _edges(names):
        a, b = names.index(one), names.index(other)
        graph.edge(f"n{a}x0", f"n{b}x0", ltail=f"cluster_{a}", lhead=f"cluster_{b}")
    try:
        drawing: str = graph.pipe(format="svg", encoding="utf-8")
    except graphviz.ExecutableNotFound:
        raise UserError(
            "the picture needs Graphviz: install the package graphviz, then run this again"
        ) from None
    return drawing[drawing.index("<svg") :]


def _in_order(part: graphviz.Digraph, boxes: Sequence[str]) -> None:
    """Side by side, the first on the left: Graphviz would put them as its edges like best."""
    with part.subgraph() as row:
        row.attr(rank="same")
        for left, right in pairwise(boxes):
            row.edge(left, right, style="invis")


def _boxes(hosts: Sequence[Host]) -> Iterable[Box]:
    alike: dict[tuple[Operation, str], list[Host]] = {}
    for host in hosts:
        alike.setdefault((host.state, _detail(host)), []).append(host)
    for (state, detail), several in alike.items():
        if len(several) <= MOST:
            yield from (Box(host.name, detail, state) for host in several)
        else:
            yield Box(f"{several[0].name} … {several[-1].name}", f"{len(several)} hosts", state)


def _group(host: Host) -> str:
    if Role.CONTROL_PLANE.value in host.roles:
        return _PLANES
    if Role.ETCD.value in host.roles:
        return _ETCD
    if Role.LOAD_BALANCER.value in host.roles:
        return _BALANCERS
    return f"pool {host.pool}" if host.pool else "others"


def _detail(host: Host) -> str:
    """What a control plane is besides; all others are what their group says."""
    if Role.CONTROL_PLANE.value not in host.roles:
        return ""
    return _ETCD if Role.ETCD.value in host.roles else ""


def _rank(group: str) -> int:
    order = (_BALANCERS, _PLANES, _ETCD)
    return order.index(group) if group in order else len(order)


def _edges(names: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Who talks to whom: everybody to the API, by the balancers where there are some; the API to etcd."""
    if _PLANES not in names:
        return
    entrance = _BALANCERS if _BALANCERS in names else _PLANES
    if entrance is _BALANCERS:
        yield _BALANCERS, _PLANES
    if _ETCD in names:
        yield _PLANES, _ETCD
    for name in names:
        if _rank(name) > _rank(_ETCD):
            yield _PLANES, name


def _class(state: Operation) -> str:
    return {Operation.SAME: "same"}.get(state, state.value)


def _escaped(text: str) -> str:
    """Safe between Mermaid's quotes, but for the line break that we put there."""
    safe = text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
    return safe.replace("#lt;br/#gt;", "<br/>")
