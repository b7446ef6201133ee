# SPDX-License-Identifier: GPL-2.0
"""vforkmon follow: a gdb of its own on each program that what you debug starts.

gdb itself either follows a child or lets it go. Here it lets it go, as by default, and vforkmon holds
what the child executes before its first instruction until another gdb has attached to it.

	(gdb) source /usr/local/share/vforkmon/vforkmon.py
	(gdb) vforkmon follow
	(gdb) run
"""
import os
import shlex
import socket
import subprocess
import tempfile

import gdb

# Seconds that vforkmon may take until it watches.
PATIENCE = 60

# What is run for each program, as by vforkmon's --adopt.
DEBUGGER = "xterm -e gdb -p {pid}"


class CommandParameter(gdb.Parameter):
    """The command that is vforkmon, such as 'sudo -n --preserve-env=NOTIFY_SOCKET vforkmon'."""

    set_doc = "Set the command that is vforkmon."
    show_doc = "Show the command that is vforkmon."

    def __init__(self):
        super().__init__("vforkmon-command", gdb.COMMAND_RUNNING, gdb.PARAM_STRING)
        self.value = "vforkmon"

    def get_show_string(self, value):
        return f'The command that is vforkmon is "{value}".'


class Readiness:
    """Where vforkmon tells that it watches: a socket as of sd_notify(3)."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(1)

    def come(self, process):
        """Whether it does, before it ends."""
        for _ in range(PATIENCE):
            try:
                if b"READY=1" in self.socket.recv(4096).split(b"\n"):
                    return True
            except socket.timeout:
                if process.poll() is not None:
                    return False
        return False

    def close(self):
        self.socket.close()
        self.folder.cleanup()


def stop(process):
    """Whoever is held by it runs on. One that is root's, by sudo, ends with what it follows."""
    try:
        process.terminate()
    except PermissionError:
        return
    process.wait()


def watch(pid, debugger):
    """Returns a vforkmon that watches it; the process has not executed anything yet."""
    readiness = Readiness()
    command = shlex.split(gdb.parameter("vforkmon-command"))
    # Not to be ended by Ctrl-C, which is for the inferior.
    process = subprocess.Popen(
        command + ["attach", "-q", "--adopt-on", "exec", "--timeout", "0", "--adopt", debugger, str(pid)],
        stdin=subprocess.DEVNULL, start_new_session=True, env=dict(os.environ, NOTIFY_SOCKET=readiness.path))
    watches = readiness.come(process)
    readiness.close()
    if not watches:
        stop(process)
        raise gdb.GdbError(f"vforkmon does not watch process {pid}")
    return process


class VforkmonCommand(gdb.Command):
    """Follow what an inferior starts, with the kernel module prefork."""

    def __init__(self):
        super().__init__("vforkmon", gdb.COMMAND_RUNNING, prefix=True)


class FollowCommand(gdb.Command):
    """Have a gdb of its own on each program that the inferior's processes execute.

Usage: vforkmon follow [COMMAND | off]

COMMAND is run for each of them, which is held before its first instruction
until somebody traces it, and has to go on until then; {pid} is replaced. The
default is "xterm -e gdb -p {pid}". To be said before "run". Needs root, since
it is held as long as the debugger takes: see "set vforkmon-command"."""

    def __init__(self):
        super().__init__("vforkmon follow", gdb.COMMAND_RUNNING)
        self.debugger = None
        self.vforkmon = None
        gdb.events.new_thread.connect(self.on_thread)
        gdb.events.gdb_exiting.connect(lambda event: self.end())

    def invoke(self, argument, from_tty):
        if gdb.selected_inferior().pid and argument != "off":
            raise gdb.GdbError('The program runs already; say "vforkmon follow" before "run".')
        self.end()
        self.debugger = None if argument == "off" else argument or DEBUGGER

    def on_thread(self, event):
        """The first one of a process that gdb has started: it stands at its first instruction."""
        inferior = event.inferior_thread.inferior
        if self.debugger is None or inferior.was_attached or len(inferior.threads()) > 1:
            return
        self.end()
        self.vforkmon = watch(inferior.pid, self.debugger)

    def end(self):
        """gdbs that have been started stay."""
        vforkmon, self.vforkmon = self.vforkmon, None
        if vforkmon is not None:
            stop(vforkmon)


CommandParameter()
VforkmonCommand()
FollowCommand()
