"""Builders, worlds and helpers that several test folders share."""
