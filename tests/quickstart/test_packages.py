# SPDX-License-Identifier: MIT
"""Installing without starting anything, as far as that can be tried on a
machine that has to stay as it is; fresh-machine.sh tries the rest."""
import subprocess

import pytest

from quickstart_checkout import TOP

MARK = "# berth: nothing starts while packages are installed"


def shell(script, tmp_path, **more):
    """Runs functions of packages.sh on a policy file of its own."""
    setup = f"""
        set -u
        PROGRAM=./quickstart TOP={TOP} WORK={tmp_path}
        . '{TOP}/etc/quickstart/say.sh'; . '{TOP}/etc/quickstart/packages.sh'
        POLICY={tmp_path}/policy-rc.d POLICY_SAVED={tmp_path}/policy-rc.d.before-berth
    """
    return subprocess.run(["bash", "-c", setup + script], capture_output=True,
                          text=True, timeout=60, **more)


def listing(path):
    return sorted(p.name for p in path.iterdir())


def test_policy_denies_and_is_gone_afterwards(tmp_path):
    done = shell("policy_deny; $POLICY apache2 start; echo $?; policy_restore", tmp_path)
    assert done.stdout == "101\n"
    assert listing(tmp_path) == []


def test_policy_of_the_machine_comes_back(tmp_path):
    (tmp_path / "policy-rc.d").write_text("#!/bin/sh\nexit 104\n")
    (tmp_path / "policy-rc.d").chmod(0o755)
    done = shell("policy_deny; $POLICY; echo $?; policy_restore; $POLICY; echo $?", tmp_path)
    assert done.stdout == "101\n104\n"
    assert listing(tmp_path) == ["policy-rc.d"]


def test_policy_that_is_a_link_comes_back_as_one(tmp_path):
    (tmp_path / "policy-rc.d").symlink_to("/etc/alternatives/policy-rc.d")
    shell("policy_deny; policy_restore", tmp_path)
    assert (tmp_path / "policy-rc.d").is_symlink()
    assert listing(tmp_path) == ["policy-rc.d"]


@pytest.mark.parametrize("had_one", [False, True])
def test_what_a_killed_run_left_is_mended(tmp_path, had_one):
    if had_one:
        (tmp_path / "policy-rc.d").write_text("#!/bin/sh\nexit 104\n")
    shell("policy_deny; kill -9 $$", tmp_path)
    assert MARK in (tmp_path / "policy-rc.d").read_text()
    shell("policy_restore", tmp_path)
    assert listing(tmp_path) == (["policy-rc.d"] if had_one else [])


def test_killed_between_the_two_renames(tmp_path):
    (tmp_path / "policy-rc.d.before-berth").write_text("#!/bin/sh\nexit 104\n")
    shell("policy_restore", tmp_path)
    assert listing(tmp_path) == ["policy-rc.d"]


def test_a_newer_policy_of_somebody_else_stays(tmp_path):
    shell("policy_deny", tmp_path)
    (tmp_path / "policy-rc.d").write_text("#!/bin/sh\nexit 0\n")
    shell("policy_restore", tmp_path)
    assert (tmp_path / "policy-rc.d").read_text() == "#!/bin/sh\nexit 0\n"
    assert listing(tmp_path) == ["policy-rc.d"]


def test_missing_packages_are_named(tmp_path):
    done = shell("missing_packages bash no-such-package 'no-such|coreutils' 'no-such|none' 'bash?' 'no-such?'",
                 tmp_path)
    assert done.stdout.split() == ["no-such-package", "no-such|none", "no-such?"]


@pytest.mark.parametrize("word, name", [
    ("bash", "bash"), ("no-such|bash", "bash"), ("no-such|none", "no-such"), ("no-such?", ""),
])
def test_the_first_that_apt_knows_is_taken(tmp_path, word, name):
    assert shell(f"known_package '{word}'", tmp_path).stdout.strip() == name


@pytest.mark.parametrize("line, words", [
    ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7", "apt is locked"),
    ("E: You don't have enough free space in /var/cache/apt/archives/.", "too full"),
    ("W: Failed to fetch http://x/InRelease  Temporary failure resolving 'x'\n"
     "E: Unable to locate package gcc", "mirror cannot be reached"),
    ("E: Unable to locate package gcc", "do not know"),
    ("dpkg: error processing package gcc", "could not install"),
])
def test_failures_of_apt_become_a_sentence(tmp_path, line, words):
    (tmp_path / "log").write_text(line + "\n")
    done = shell(f"apt_failed {tmp_path}/log gcc", tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("./quickstart: ") and words in last


def test_little_disk_names_both_figures(tmp_path):
    done = shell("require_disk 999999999 /usr 'installing'", tmp_path)
    assert done.returncode == 1
    assert "little disk: installing needs about 999999999 MB, /usr has" in done.stderr


def test_another_system_than_debian_is_refused(tmp_path):
    done = shell("PATH=/nowhere; require_debian", tmp_path)
    assert done.returncode == 1 and "for Debian 12 and newer" in done.stderr
