from __future__ import annotations

import subprocess
import sys

from bot.process import is_dead, process_name


def test_a_process_knows_that_it_lives_and_that_a_killed_one_does_not() -> None:
    assert not is_dead(process_name())
    script = "from bot.process import process_name; print(process_name(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        assert not is_dead(name)
        child.kill()
        child.wait()
        assert is_dead(name)


def test_a_process_of_another_machine_or_a_strange_name_is_never_called_dead() -> None:
    assert not is_dead("other-host/pid:[1]/1/1")
    assert not is_dead("")
    assert not is_dead("nonsense")


def test_a_pid_that_was_given_out_again_is_another_process() -> None:
    name, _, _ = process_name().rpartition("/")
    assert is_dead(f"{name}/1")
