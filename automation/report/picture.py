"""Draws the cluster with its changes marked: in Mermaid for Markdown, as SVG by Graphviz for HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import graphviz

from automation.errors import UserError
from automation.report.model import Host, Operation, Picture
from topology.model import Role

MAX_SINGLE_HOSTS = 6
"""Maximum number of hosts of a group with the same state that get separate boxes. More hosts share one box.
"""


@dataclass(frozen=True, slots=True)
class Style:
    """The appearance of a state: the colors of a box, and a symbol for readers who cannot distinguish
    colors.
    """

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
_LOAD_BALANCERS, _CONTROL_PLANES, _ETCD = "load balancers", "control planes", "etcd"


@dataclass(frozen=True, slots=True)
class Box:
    """A box in the picture for one host, or for several hosts with the same state."""

    text: str
    detail: str
    state: Operation

    @property
    def label(self) -> Sequence[str]:
        """Return the text lines in the box."""
        lines = (f"{STYLES[self.state].sign} {self.text}".strip(), self.detail)
        return [line for line in lines if line]


def boxes_by_group(picture: Picture) -> dict[str, list[Box]]:
    """Return the boxes of a picture by the name of their group: groups of members first, then pools."""
    grouped: dict[str, list[Host]] = {}
    for host in sorted(picture.hosts, key=lambda host: _group_rank(_group_name(host))):
        grouped.setdefault(_group_name(host), []).append(host)
    return {name: list(_boxes_of_group(hosts)) for name, hosts in grouped.items()}


def join_pictures(before: Picture, after: Picture) -> Picture:
    """Return one picture with the hosts of both pictures, so that it contains created and deleted hosts."""
    remaining = {host.name for host in after.hosts}
    deleted = [host for host in before.hosts if host.name not in remaining]
    return Picture((*after.hosts, *deleted))


def render_mermaid(picture: Picture) -> str:
    """Return the picture as a Mermaid flowchart; empty without machines."""
    groups = boxes_by_group(picture)
    if not groups:
        return ""
    lines = ["flowchart TB"]
    states = set()
    for number, (name, group_boxes) in enumerate(groups.items()):
        lines.append(f'  subgraph g{number}["{_escape_mermaid(name)}"]')
        for index, box in enumerate(group_boxes):
            states.add(box.state)
            text = _escape_mermaid("<br/>".join(box.label))
            lines.append(f'    n{number}x{index}["{text}"]:::{_style_class(box.state)}')
        lines.append("  end")
    names = list(groups)
    lines += [f"  g{names.index(one)} --> g{names.index(other)}" for one, other in _group_connections(names)]
    for state in sorted(states, key=list(Operation).index):
        style = STYLES[state]
        dash = ",stroke-dasharray:5 4" if style.dashed else ""
        lines.append(
            f"  classDef {_style_class(state)} fill:{style.fill},stroke:{style.border},color:#1f2328{dash}"
        )
    return "\n".join(lines)


def render_svg(picture: Picture, title: str) -> str:
    """Return the picture as an SVG element. Raise `UserError` if Graphviz is not installed."""
    graph = graphviz.Digraph("cluster", graph_attr={"rankdir": "TB", "label": title, "labelloc": "t"})
    graph.attr(fontname="sans-serif", compound="true", bgcolor="transparent")
    graph.attr("node", shape="box", style="filled,rounded", fontname="sans-serif", fontsize="11")
    graph.attr("edge", color="#8c959f")
    groups = boxes_by_group(picture)
    for number, (name, group_boxes) in enumerate(groups.items()):
        with graph.subgraph(name=f"cluster_{number}") as subgraph:
            subgraph.attr(label=name, style="rounded", color="#8c959f", fontsize="12")
            for index, box in enumerate(group_boxes):
                style = STYLES[box.state]
                subgraph.node(
                    f"n{number}x{index}",
                    # Graphviz interprets \N and similar sequences, so the label is escaped.
                    graphviz.escape("\n".join(box.label)).replace("\n", "\\n"),
                    fillcolor=style.fill,
                    color=style.border,
                    style="filled,rounded,dashed" if style.dashed else "filled,rounded",
                )
            _add_row(subgraph, [f"n{number}x{index}" for index in range(len(group_boxes))])
    names = list(groups)
    for one, other in _group_connections(names):
        a, b = names.index(one), names.index(other)
        graph.edge(f"n{a}x0", f"n{b}x0", ltail=f"cluster_{a}", lhead=f"cluster_{b}")
    try:
        drawing: str = graph.pipe(format="svg", encoding="utf-8")
    except graphviz.ExecutableNotFound:
        raise UserError(
            "the HTML report needs Graphviz for its pictures; install the package graphviz"
        ) from None
    return drawing[drawing.index("<svg") :]


def _add_row(subgraph: graphviz.Digraph, boxes: Sequence[str]) -> None:
    """Place the boxes side by side in their order.

    Invisible edges keep Graphviz from changing the order to shorten other edges.
    """
    with subgraph.subgraph() as row:
        row.attr(rank="same")
        for left, right in pairwise(boxes):
            row.edge(left, right, style="invis")


def _boxes_of_group(hosts: Sequence[Host]) -> Iterable[Box]:
    """Yield the boxes of a group. Many hosts with the same state share a box."""
    hosts_by_state: dict[tuple[Operation, str], list[Host]] = {}
    for host in hosts:
        hosts_by_state.setdefault((host.state, _role_detail(host)), []).append(host)
    for (state, detail), similar_hosts in hosts_by_state.items():
        if len(similar_hosts) <= MAX_SINGLE_HOSTS:
            yield from (Box(host.name, detail, state) for host in similar_hosts)
        else:
            yield Box(
                f"{similar_hosts[0].name} … {similar_hosts[-1].name}", f"{len(similar_hosts)} hosts", state
            )


def _group_name(host: Host) -> str:
    """Return the name of the group in which the picture shows the host."""
    if Role.CONTROL_PLANE.value in host.roles:
        return _CONTROL_PLANES
    if Role.ETCD.value in host.roles:
        return _ETCD
    if Role.LOAD_BALANCER.value in host.roles:
        return _LOAD_BALANCERS
    return f"pool {host.pool}" if host.pool else "others"


def _role_detail(host: Host) -> str:
    """Return the text `etcd` for a control plane that is also an etcd member; else an empty text.

    The name of the group already states the other roles.
    """
    if Role.CONTROL_PLANE.value not in host.roles:
        return ""
    return _ETCD if Role.ETCD.value in host.roles else ""


def _group_rank(group: str) -> int:
    """Return the position of a group in the picture, from the top. All pools have the same position."""
    order = (_LOAD_BALANCERS, _CONTROL_PLANES, _ETCD)
    return order.index(group) if group in order else len(order)


def _group_connections(names: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Yield the pairs of group names that the picture connects.

    The control planes are connected with the load balancers, with etcd and with each pool.
    """
    if _CONTROL_PLANES not in names:
        return
    if _LOAD_BALANCERS in names:
        yield _LOAD_BALANCERS, _CONTROL_PLANES
    if _ETCD in names:
        yield _CONTROL_PLANES, _ETCD
    for name in names:
        if _group_rank(name) > _group_rank(_ETCD):
            yield _CONTROL_PLANES, name


def _style_class(state: Operation) -> str:
    return {Operation.SAME: "same"}.get(state, state.value)


def _escape_mermaid(text: str) -> str:
    """Return a text that is safe between quotation marks in Mermaid. Keep `<br/>` line breaks."""
    safe = text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
    return safe.replace("#lt;br/#gt;", "<br/>")
