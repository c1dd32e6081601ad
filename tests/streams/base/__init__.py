"""Tests of settings and log format."""
