"""Templates, and what they may use beside what a handler hands them."""

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
from litestar.plugins.jinja import JinjaTemplateEngine

from app import assets, sparkline
from app.settings import ROOT


@cache
def environment() -> Environment:
    """Everything is escaped, and a name that nobody handed over is an error."""
    made = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    named = {"asset": assets.address, "sparkline": sparkline.lines}
    made.globals.update(named)  # pyright: ignore[reportUnknownMemberType]
    return made


def templates() -> JinjaTemplateEngine:
    """What the handlers' templates are rendered with."""
    return JinjaTemplateEngine.from_environment(environment())


def render_document(template: str, **context: Any) -> str:
    """A page of a document whose parts may be missing, where no handler returns a template."""
    return environment().overlay(undefined=Undefined).get_template(template).render(context)
