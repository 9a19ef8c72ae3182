"""The growth curves as one SVG, light or dark as its reader is."""

from math import log10

Points = list[dict[str, float]]

WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 190, 52, 44, 24
SERIES = ("first run", "re-run", "floor")
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #3c4350 }
.title { font-weight: 600; fill: #12161c }
.grid { stroke: #d9dee5; fill: none }
.first { stroke: #b4540a; fill: #b4540a } .re { stroke: #2456c5; fill: #2456c5 }
.floor { stroke: #667080; fill: #667080 }
polyline { fill: none !important; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #b8c0cc } .title { fill: #f2f4f7 } .grid { stroke: #39414d }
  .first { stroke: #f0a25e; fill: #f0a25e } .re { stroke: #8fb0ff; fill: #8fb0ff }
  .floor { stroke: #98a2b0; fill: #98a2b0 }
}
"""


def draw(curves: dict[str, Points]) -> str:
    """A panel per curve, both axes logarithmic: level is constant, 45° is in proportion."""
    names = list(curves)
    width = len(names) * (WIDTH + LEFT + GAP)
    height = TOP + HEIGHT + 56
    panels = "".join(
        f'<g transform="translate({LEFT + number * (WIDTH + LEFT + GAP)} {TOP})">'
        f"{panel(name, curves[name])}</g>"
        for number, name in enumerate(names)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        f"<title>Milliseconds to count a day, against {', '.join(names)}</title>"
        f"<style>{STYLE}</style>{panels}</svg>\n"
    )


def panel(name: str, points: Points) -> str:
    xs = Axis([point["x"] for point in points], WIDTH)
    ys = Axis([point[series] for point in points for series in SERIES], HEIGHT)
    parts = [f'<text class="title" x="0" y="-26">{name}</text>']
    for tick in ys.ticks():
        y = HEIGHT - ys.at(tick)
        parts.append(f'<path class="grid" d="M0 {y:.1f}H{WIDTH}"/>')
        parts.append(f'<text x="-8" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    parts.append('<text x="-8" y="-8" text-anchor="end">ms</text>')
    for point in points:
        x = xs.at(point["x"])
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT + 18}" text-anchor="middle">{short(point["x"])}</text>'
        )
    for series in SERIES:
        css = series.split("-")[0].split()[0]
        dots = [(xs.at(p["x"]), HEIGHT - ys.at(p[series])) for p in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
        parts.append(f'<polyline class="{css}" points="{path}"/>')
        parts += [f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in dots]
    for number, series in enumerate(SERIES):
        css, x = series.split("-")[0].split()[0], number * 95
        parts.append(f'<circle class="{css}" cx="{x + 4}" cy="{HEIGHT + 38}" r="4"/>')
        parts.append(f'<text x="{x + 14}" y="{HEIGHT + 42}">{series}</text>')
    return "".join(parts)


class Axis:
    """Logarithmic, from the power of ten below to the one above."""

    def __init__(self, values: list[float], length: int) -> None:
        self.low, self.high = log10(min(values)), log10(max(values))
        margin = max(0.15, (self.high - self.low) * 0.12)
        self.low, self.high, self.length = self.low - margin, self.high + margin, length

    def at(self, value: float) -> float:
        return (log10(value) - self.low) / (self.high - self.low) * self.length

    def ticks(self) -> list[float]:
        marks = [mantissa * 10.0**power for power in range(-2, 7) for mantissa in (1, 2, 5)]
        return [mark for mark in marks if self.low <= log10(mark) <= self.high]


def short(number: float) -> str:
    return f"{number / 1000:,.0f} k" if number >= 10_000 else f"{number:,g}"
