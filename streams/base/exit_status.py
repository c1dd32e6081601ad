"""The exit statuses of a role process. Status 0 means that it was asked to stop."""

EXIT_SETTINGS_WRONG = 2
"""The process cannot start: settings or topics are wrong, or its states have a newer format. A
restart would fail again."""

EXIT_RESTART = 3
"""The Kafka client is fenced or broken: a new process should start."""
