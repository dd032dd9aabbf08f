"""How gunicorn serves the web process: `gunicorn --config config/gunicorn.py wsgi:app`.

Behind a reverse proxy that buffers: alone, slow clients take every thread.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from config.settings import Settings

_settings = Settings()

# Each worker counts its answers in a file of its own; whoever is asked for figures adds them up.
# Set before the application imports what counts. What a worker counted outlives it, until we end.
_counts = _settings.var.resolve() / "counts" / str(_settings.port)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_counts)  # noqa: TID251 - said here, read there

# The port is for probes, metrics and developers; the socket, where there is one, for the proxy.
bind = [f"127.0.0.1:{_settings.port}"]
if _settings.web_socket:
    bind.append(f"unix:{_settings.web_socket}")
worker_class = "gthread"
workers = _settings.web_workers
threads = _settings.web_threads
# Each worker opens its own connections, after the fork.
preload_app = False

timeout = 30
graceful_timeout = 30
keepalive = 5
max_requests = 5000
max_requests_jitter = 500

limit_request_line = 4094
limit_request_fields = 50
limit_request_field_size = 8190
# Nobody's X-Forwarded-* counts here: the application knows how many proxies it stands behind.
forwarded_allow_ips = ""
forwarder_headers = ""
# Else it listens for orders on a socket in the home of whoever starts it.
control_socket_disable = True

# A worker proves that it lives by touching a file: on a busy disk that alone may take 30 s.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - empty files

# Its format holds paths and Referer, and so the tokens of links: the door writes our own line.
accesslog = None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"lines": {"class": "config.logs.Lines"}},
    "root": {"level": "WARNING", "handlers": ["lines"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["lines"], "propagate": False},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}


def on_starting(_server: Any) -> None:
    """Close every file that we write to other users; gunicorn's own `umask` needs a daemon."""
    os.umask(0o077)
    shutil.rmtree(_counts, ignore_errors=True)
    _counts.mkdir(parents=True)
