"""Triage: pure. From a patient and their answers to a level, its reasons and who may see them."""
