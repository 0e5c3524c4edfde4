"""The SVG plots of `make bench`: cost relative to the best of the other proxies (matplotlib).

    plots.py FIGURES FOLDER    FIGURES: the file that bench.py --json wrote
"""
from __future__ import annotations

import json
import pathlib
import sys
import typing

import matplotlib  # type: ignore[import]
import matplotlib.pyplot  # type: ignore[import]

import contenders
import stage

COLOURS = {contenders.OURS: "#1f6feb", "relay, copying": "#c9c9c9", "relay, splicing": "#8f8f8f"}
PEER_COLOURS = ("#e08a2e", "#4c9a5b", "#a368b5", "#c75a5a", "#6aa8b8", "#b8a13c")
LONGEST = 2.5  # a bar beyond is cut; its figure is beside it
Figures = typing.Dict[str, typing.Any]  # what report.figures() returns


def colour(name: str) -> str:
    return COLOURS.get(name) or PEER_COLOURS[sorted(contenders.PEERS).index(name) % len(PEER_COLOURS)]


def bars(rows: list[Figures], title: str, path: pathlib.Path) -> None:
    """A group of bars for each row: 1 is the best of the other proxies, and shorter is cheaper."""
    names = [(row, [name for name in row["contenders"] if name != stage.DIRECT]) for row in rows]
    height = sum(len(each) + 1 for _, each in names)
    figure, axes = matplotlib.pyplot.subplots(figsize=(9, 0.2 * height + 1))
    place, ticks = 0.0, []
    for row, each in names:
        ticks.append((place + (len(each) - 1) / 2, row["what"].replace(", ", ",\n", 1)))
        for name in each:
            value = row["contenders"][name]["ratio"]
            axes.barh(place, min(value, LONGEST), height=0.9, color=colour(name))
            axes.text(min(value, LONGEST) + 0.02, place, f"{value:.2f}  {name}", va="center", fontsize=7)
            place += 1
        place += 1
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks([at for at, _ in ticks], [text for _, text in ticks], fontsize=8)
    axes.set_xlim(0, LONGEST + 0.6)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    matplotlib.pyplot.close(figure)


def write(rows: list[Figures], folder: pathlib.Path) -> None:
    """Two files: rows counted by the request, and rows counted by the byte."""
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench"})  # the same figures give the same file
    folder.mkdir(parents=True, exist_ok=True)
    for unit, file, title in (("us of CPU a request", "bench-requests.svg", "CPU time of the proxy for a request"),
                              ("ms of CPU a GB", "bench-bulk.svg", "CPU time of the proxy for a GB")):
        chosen = [row for row in rows if row["unit"] == unit and contenders.PEERS & row["contenders"].keys()]
        if chosen:
            bars(chosen, f"{title}; 1 = the best of the other proxies, less is cheaper", folder / file)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write(json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")), pathlib.Path(sys.argv[2]))
