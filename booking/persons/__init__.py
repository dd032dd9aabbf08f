"""What one person may ask of us: a copy of all that is kept of them, and that it is erased."""
