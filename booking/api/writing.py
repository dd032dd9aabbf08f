"""JSON as this door writes it."""

import json


def written(said: object) -> bytes:
    """Return the same bytes for the same content, whatever the order that it comes in.

    An answer that waited in the database, which keeps no order, is repeated byte for byte.
    """
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()
