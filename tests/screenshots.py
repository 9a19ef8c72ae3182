"""`make screenshots`: both pages from demo data as pictures in docs/images/, from nothing."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from app import release
from app.demo import load_demo
from tests.past import rows, value
from tests.people import People
from tests.server import Db, Server
from tests.serving import serving
from tests.windows import CHROMIUM, FLAGS, Look, window

IMAGES = Path(__file__).parent.parent / "docs/images"
LOOKS = {"light": Look(), "dark": Look(scheme="dark"), "phone": Look(390, "dark")}


def main(folder: Path = IMAGES) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    server = Server()
    try:
        db = server.create("screenshots")
        release.migrate(db.settings(), lambda _: None)
        say("loading demo data")
        loaded = load_demo(db.conninfo("billing_ingest"), tenants=42, days=75, events=60_000)
        rows(db, "update data.settings set billing_from = %s", loaded.first_day)
        while value(db, "select billing.run_usage('demo')", login="billing_operator"):
            say("counting")
        shoot(db, folder)
    finally:
        server.end()


def shoot(db: Db, folder: Path) -> None:
    """Each page in each look; the tenant's whole, the long list of tenants as a window shows it."""
    (tenant,) = rows(
        db,
        "select tenant_id from billing.tenant_usage where plan_code is not null"
        " order by limit_state = 'over' desc, limit_state = 'approaching' desc, tenant_name"
        " limit 1",
    )
    people = People(db, tenant, tenant)
    pages = {
        "tenant": (people.token("owner"), "/settings/billing"),
        "overview": (people.token("root"), "/admin/billing-overview"),
    }
    with serving(db) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for page, (token, path) in pages.items():
            for name, look in LOOKS.items():
                with window(browser, address, token, look) as seen:
                    seen.open(path)
                    picture = folder / f"{page}-{name}.png"
                    seen.page.screenshot(
                        path=picture, full_page=page == "tenant" and name != "phone"
                    )
                    say(f"{picture.name}, {picture.stat().st_size // 1000} kB")
        browser.close()


def say(what: str) -> None:
    print(what, file=sys.stderr)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
