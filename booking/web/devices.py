"""What kind of device a browser says it is: coarse, so that one knows one's own and no more."""

import re

from flask_babel import gettext as _

BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|Chromium/|CriOS/"),
    ("Safari", r"Safari/"),
)
"""In this order: most of them claim to be the ones that follow."""
SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone|iPod"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("ChromeOS", r"CrOS"),
    ("Mac", r"Mac OS X|Macintosh"),
    ("Linux", r"Linux|X11"),
)
LONGEST_LOOKED_AT = 400


def device_of(user_agent: str) -> str:
    """Return « Firefox, Windows », with what is not known left out; nothing else is kept of it."""
    looked_at = user_agent[:LONGEST_LOOKED_AT]
    found = (
        next((name for name, pattern in known if re.search(pattern, looked_at)), None)
        for known in (BROWSERS, SYSTEMS)
    )
    return ", ".join(name for name in found if name)


def said(device: str) -> str:
    """Return how a kept device is called on a page."""
    return device or str(_("Appareil inconnu"))
