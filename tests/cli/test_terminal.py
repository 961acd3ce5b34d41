"""What a person at a terminal of 80 columns sees."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from maxmargin.studies import METHODS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


@pytest.fixture(scope="module")
def screen(environment, tmp_path_factory) -> str:
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "maxmargin", "compare", "wine", "--methods", "m3,nearest-centroid,dummy"]
    process = subprocess.Popen(
        [*command, "--repeats", "3", "--jobs", "1", "--out", "run"],
        cwd=tmp_path_factory.mktemp("terminal"),
        env=environment | {"TERM": "xterm-256color"},
        stdin=child,
        stdout=child,
        stderr=child,
        close_fds=True,
    )
    os.close(child)
    seen = b""
    while True:
        try:
            seen += os.read(parent, 65536)
        except OSError:  # the other end is closed
            break
    os.close(parent)
    assert process.wait() == 0
    return seen.decode()


def _plain(screen: str) -> list[str]:
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen))


def test_progress_shows_the_fits_and_the_time_left(screen):
    # What has no parameters to choose is not validated.
    total = 3 * (3 * len(METHODS["m3"].candidates) + 1 + 1 + 1)
    shown = [line for line in _plain(screen) if f"/{total} fits, time left" in line]
    assert shown
    assert any(re.search(r"split \d", line) for line in shown)
    assert re.search(r"time left +(\d:\d\d:\d\d|-:--:--)", shown[-1])


def test_the_progress_line_is_not_cut(screen):
    assert max(len(line.rstrip()) for line in _plain(screen) if "time left" in line) <= 80
    assert not [line for line in _plain(screen) if "fits, time" in line and "left" not in line]


def test_the_table_fits_and_is_whole(screen):
    lines = _plain(screen)
    rows = [line for line in lines if re.match(r"(m3|nearest-centroid|dummy) ", line)]
    table = [line for line in rows if "±" in line]
    assert len(table) == 3
    assert max(map(len, table)) <= 80
    assert not [line for line in table if "…" in line]


def test_the_progress_is_gone_at_the_end(screen):
    end = screen[screen.rindex("time left") :]
    assert "\x1b[2K" in end
    assert "\x1b[?25h" in end  # the cursor is shown again
