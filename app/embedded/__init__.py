"""The project's own PostgreSQL, and the web app in the background; all they have is in .local/.

    python -m app.embedded start | stop | status | port | web | psql | clean

Loopback only, and never a system cluster. Needs nothing but the standard library, so that stopping
and cleaning work without a virtual environment.

process: what any program in the background needs · cluster: the data directory and its owner ·
notes: what clients are told · server: PostgreSQL on that data · web: the web app ·
__main__: the verbs
"""
