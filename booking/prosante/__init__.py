"""Pro Santé Connect: who the State says that somebody is. No HTTP of ours, no database."""
