"""The secret of an application, as people copy it and as telephones read it."""

from io import BytesIO

import segno
from flask import Response

from booking.accounts import authenticators

GROUP = 4
PIXELS_A_DOT = 5


def in_groups(secret: str) -> str:
    """Return the secret four letters by four."""
    return " ".join(secret[at : at + GROUP] for at in range(0, len(secret), GROUP))


def picture(secret: str, email: str) -> Response:
    """Return the QR code as an image of its own: the page needs no style or script for it."""
    drawn = BytesIO()
    code = segno.make(authenticators.address_of(secret, email), error="m", micro=False)
    code.save(drawn, kind="svg", scale=PIXELS_A_DOT, light="white", svgclass=None, lineclass=None)
    return Response(
        drawn.getvalue(), mimetype="image/svg+xml", headers={"Cache-Control": "no-store"}
    )
