"""The verbs of `python -m app.embedded`. Exit codes: 0, 2 usage, 3 refused, 4 unreachable."""

import fcntl
import os
import sys
from pathlib import Path

from app.embedded.cluster import Cluster
from app.embedded.notes import is_port
from app.embedded.process import REFUSED, USAGE, Sorry
from app.embedded.server import Server, say
from app.embedded.web import Web

CHECKOUT = Path(__file__).resolve().parents[2]
VERBS = ("start", "stop", "status", "port", "web", "psql", "clean")


def asked_port() -> int | None:
    text = os.environ.get("PORT") or None
    if text is not None and not is_port(text):
        raise Sorry(f"PORT is a number from 1 to 65535, not {text!r}.", USAGE)
    return None if text is None else int(text)


def obey(verb: str, arguments: list[str], checkout: Path) -> None:
    local = checkout.resolve() / ".local"
    web = Web(local.parent)
    if verb == "port":  # asked before anything is done
        print(web.port(asked_port()))
        return
    local.mkdir(exist_ok=True)
    cluster = Cluster(local)
    server = Server(cluster)
    with (local / "lock").open("w") as lock:
        if verb in ("start", "web", "stop", "clean"):
            fcntl.flock(lock, fcntl.LOCK_EX)  # one of these at a time
            os.set_inheritable(lock.fileno(), True)  # what a killed one left at work is waited for
        match verb:
            case "start":
                server.start()
                print(server.describe())
            case "web":
                print(f"The web app answers on http://127.0.0.1:{web.start(asked_port())}.")
            case "psql":
                server.psql(os.environ.get("ROLE") or "postgres", arguments)
            case "status":
                server.must_run()
                print(server.describe())
            case _:
                web.stop()
                server.stop()
                if verb == "clean":
                    cluster.remove()
                print("Stopped." if verb == "clean" else "Stopped; the data stay.")


def main(arguments: list[str], checkout: Path = CHECKOUT) -> int:
    verb, rest = (arguments or ["none"])[0], arguments[1:]
    try:
        if verb not in VERBS or (rest and verb != "psql"):
            raise Sorry(f"Say one of: {', '.join(VERBS)}.", USAGE)
        obey(verb, rest, checkout)
    except Sorry as sorry:
        say(str(sorry))
        return sorry.code
    except OSError as error:
        say(f"{error.filename or checkout}: {error.strerror or error}.")
        return REFUSED
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
