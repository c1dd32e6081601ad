"""Explanations made from facts and states."""
