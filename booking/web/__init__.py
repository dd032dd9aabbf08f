"""HTML doors: read a form → one desk call in a transaction → redirect, or a page."""
