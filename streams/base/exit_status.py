"""The exit statuses of commands and of role processes. Status 0 means success; of a role, that it
was asked to stop."""

EXIT_DIFFERS = 1
"""The answer is negative: two things differ, or something is invalid or was not found."""

EXIT_SETTINGS_WRONG = 2
"""Used or set up wrongly: settings, topics or logs are not what this process needs. A new process
would fail in the same way, so a supervisor does not start one."""

EXIT_RESTART = 3
"""Not now: something is not at rest, stands still or cannot be reached, or the Kafka client has
failed. A new process may succeed."""

EXIT_IDENTITY_TAKEN = 4
"""Of a role process alone: another process has the same identity, and has taken its place in the
group. Its supervisor counts these ends."""
