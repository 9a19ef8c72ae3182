"""Templates, and what they may use beside what a handler hands them."""

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar.plugins.jinja import JinjaTemplateEngine

from app import assets
from app.settings import ROOT


def templates() -> JinjaTemplateEngine:
    """Everything is escaped, and a name that nobody handed over is an error."""
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.address  # pyright: ignore[reportUnknownMemberType]
    return JinjaTemplateEngine.from_environment(environment)
