"""Supply: who offers care, where and when; the only room that says whether a moment is free."""
