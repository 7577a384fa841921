"""Looks after the person: a crisis is answered with care, a harmful reply is not said."""

from empatheia.care.screen import CareRules, spoken

__all__ = ["CareRules", "spoken"]
