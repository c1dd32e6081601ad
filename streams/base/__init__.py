"""The base of all of `streams`: settings, clock, log format, exit statuses, the transport port."""
