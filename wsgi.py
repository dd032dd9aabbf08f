"""Where a process begins: `gunicorn wsgi:app`, `flask --app wsgi …`."""

from booking.app import create_app

app = create_app()
