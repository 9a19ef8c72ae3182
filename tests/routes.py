"""Who is answered how at which address: every kind of visitor, every route."""

from uuid import UUID

ACTORS = ("nobody", "root", "owner", "admin", "member", "suspended", "disabled")
"""`suspended` owns a suspended tenant; `disabled` holds a session from before."""
EVERYBODY = (200,) * 7
TENANT = (401, 403, 200, 200, 403, 200, 401)
ROOT = (401, 200, 403, 403, 403, 403, 401)
NO_SUCH_TENANT = (401, 404, 403, 403, 403, 403, 401)
NUMBER = "date=2026-11-01&metric=smsOutboundCount"
NO_ONE = UUID(int=7)
DAYS = "from=2026-11-01&to=2026-11-02"
NOBODYS = f"tenantId={NO_ONE}"
MATRIX = {
    "GET /": (401, 302, 302, 302, 302, 302, 401),
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /login": EVERYBODY,
    "POST /login": (401,) * 7,  # with a wrong password
    "POST /logout": (401, 303, 303, 303, 303, 303, 303),
    "GET /static/base.css": EVERYBODY,
    "GET /settings/billing": TENANT,
    "GET /api/billing/usage/summary": TENANT,
    "GET /api/billing/usage/daily.csv": TENANT,
    "GET /admin/billing-overview": ROOT,
    "GET /admin/billing/health": ROOT,
    "GET /api/admin/billing/usage/tenants": ROOT,
    f"GET /api/billing/usage/explain?{NUMBER}": TENANT,
    f"GET /api/billing/usage/explain.csv?{NUMBER}": TENANT,
    "GET /settings/billing/days/2026-11-01": TENANT,
    f"GET /api/admin/billing/usage/explain?{NUMBER}&{NOBODYS}": NO_SUCH_TENANT,
    f"GET /api/admin/billing/usage/explain.csv?{NUMBER}&{NOBODYS}": NO_SUCH_TENANT,
    f"GET /admin/billing/tenants/{NO_ONE}/days/2026-11-01": NO_SUCH_TENANT,
    f"GET /api/admin/billing/usage/verify?{DAYS}": ROOT,
    f"GET /admin/billing/verify?{DAYS}": ROOT,
    "GET /api/admin/billing/usage/tenants.csv": ROOT,
    "POST /api/admin/billing/usage/aggregate": ROOT,
    "POST /admin/billing-overview/recount": (401, 303, 403, 403, 403, 403, 401),
    f"GET /admin/billing/tenants/{NO_ONE}": NO_SUCH_TENANT,
    f"GET /api/admin/billing/usage/daily.csv?{NOBODYS}": NO_SUCH_TENANT,
    "GET /schema": ROOT,
    "GET /schema/openapi.json": ROOT,
    "GET /schema/{path:str}": (401, 404, 403, 403, 403, 403, 401),
}
MATRIX |= {f"HEAD {get[4:]}": said for get, said in MATRIX.items() if get.startswith("GET ")}
PLACES = {
    "/api/admin/billing/usage/verify": f"/api/admin/billing/usage/verify?{DAYS}",
    "/admin/billing/verify": f"/admin/billing/verify?{DAYS}",
    "/api/billing/usage/explain": f"/api/billing/usage/explain?{NUMBER}",
    "/api/billing/usage/explain.csv": f"/api/billing/usage/explain.csv?{NUMBER}",
    "/settings/billing/days/{day:str}": "/settings/billing/days/2026-11-01",
    "/api/admin/billing/usage/explain": f"/api/admin/billing/usage/explain?{NUMBER}&{NOBODYS}",
    "/api/admin/billing/usage/explain.csv": (
        f"/api/admin/billing/usage/explain.csv?{NUMBER}&{NOBODYS}"
    ),
    "/admin/billing/tenants/{tenant_id:uuid}/days/{day:str}": (
        f"/admin/billing/tenants/{NO_ONE}/days/2026-11-01"
    ),
    "/admin/billing/tenants/{tenant_id:uuid}": f"/admin/billing/tenants/{NO_ONE}",
    "/api/admin/billing/usage/daily.csv": f"/api/admin/billing/usage/daily.csv?{NOBODYS}",
    "/static/{file_path:path}": "/static/base.css",
}
"""Routes whose parameter has to be something that exists."""
