"""What the cost of a day grows with: its own rows, and neither history nor idle tenants."""

from collections.abc import Iterable
from datetime import date, timedelta

from bench import data
from bench.counting import count_day, floor
from bench.stage import Sessions, Stage
from bench.timing import milliseconds

ACTIVE = 500
VOLUMES = (1, 4, 16, 64)
MONTH = 365 / 12


def measure(stage: Stage) -> None:
    sizes = stage.sizes
    database = data.install(stage.server, "growth")
    with Sessions(database) as sessions:
        growth = Growth(stage, sessions)
        data.add_tenants(growth.admin, 1, ACTIVE)
        for months in sizes.months:
            growth.live_until(round(months * MONTH))
            growth.note("months of history", months, growth.newest)
        for multiple in VOLUMES:
            growth.live_a_day(sizes.growth_rows_a_day * multiple)
            rows = floor(growth.admin, growth.newest, growth.newest + timedelta(days=1))
            growth.note("rows of the day", rows, growth.newest)
        day = growth.newest - timedelta(days=len(VOLUMES) + 4)  # without late rows of a larger one
        for tenants in sizes.idle_tenants:
            growth.fill_up(tenants)
            growth.note("tenants, most of them idle", tenants, day)
    stage.server.drop(database)


class Growth:
    """A database that gets older and larger, and the cost of a day of it at each age."""

    def __init__(self, stage: Stage, sessions: Sessions) -> None:
        self.stage = stage
        self.admin, self.operator = sessions.of(), sessions.of("billing_operator")
        days = round(max(stage.sizes.months) * MONTH) + len(VOLUMES)
        self.birth = stage.today - timedelta(days=days + 1)
        self.age, self.tenants = 0, ACTIVE

    @property
    def newest(self) -> date:
        return self.birth + timedelta(days=self.age - 1)

    def live_until(self, age: int) -> None:
        self.stage.say(f"growing to {age} days")
        self.load([self.stage.sizes.growth_rows_a_day] * (age - self.age))

    def live_a_day(self, rows: int) -> None:
        self.load([rows])

    def load(self, days: Iterable[int]) -> None:
        """So many rows on each of the next days, counted as they would have been."""
        first = self.birth + timedelta(days=self.age)
        with data.loading(self.admin, *data.TABLES):
            for rows in days:
                data.add_day(self.admin, self.birth + timedelta(days=self.age), rows, ACTIVE)
                self.age += 1
        while first <= self.newest:  # a transaction for some days, and statistics now and then
            end = min(first + timedelta(days=60), self.newest + timedelta(days=1))
            self.operator.execute("select billing.aggregate_usage(%s, %s)", [first, end])
            self.admin.execute("analyze data.billing_usage_daily")
            first = end
        self.admin.execute("vacuum (analyze) data.billing_usage_daily")

    def fill_up(self, tenants: int) -> None:
        """Tenants without a row, so that there are so many in all."""
        if tenants > self.tenants:
            data.add_tenants(self.admin, self.tenants + 1, tenants)
            self.tenants = tenants
            self.admin.execute("vacuum (analyze) data.tenants")

    def forget(self, day: date) -> None:
        """As counting.forget, but keep the statistics: taking them of years takes longer."""
        self.admin.execute("delete from data.billing_usage_daily where usage_date = %s", [day])
        self.admin.execute("vacuum data.billing_usage_daily")

    def note(self, along: str, x: int, day: date) -> None:
        """The least that counting the day took, in milliseconds: a first time and again.

        Of many rounds: a few milliseconds are easily disturbed in every one of five.
        """
        floors, first, again = list[float](), list[float](), list[float]()
        for _ in range(self.stage.sizes.rounds * 2):
            self.forget(day)
            first.append(milliseconds(lambda: count_day(self.operator, day)))
            for _ in range(3):
                floors.append(milliseconds(lambda: floor(self.admin, day, day + timedelta(days=1))))
                again.append(milliseconds(lambda: count_day(self.operator, day)))
        self.stage.curves.setdefault(along, []).append(
            {"x": x, "floor": min(floors), "first run": min(first), "re-run": min(again)}
        )


def slopes(curves: dict[str, list[dict[str, float]]]) -> dict[str, str]:
    """How much more a day costs at the end of each curve than at its beginning."""
    found = dict[str, str]()
    for along, points in curves.items():
        start, end = points[0], points[-1]
        found[f"{end['x'] / start['x']:,.0f} × {along}"] = ", ".join(
            f"{name} × {end[name] / start[name]:.2f} ({start[name]:.1f} → {end[name]:.1f} ms)"
            for name in ("floor", "re-run", "first run")
        )
    return found
