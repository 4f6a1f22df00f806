"""The cost of a run: elapsed time, the tool's memory, processor time and memory of the server's processes."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

# A run that takes longer is reported as failed.
TIMEOUT = 60
# A run that takes longer is timed once.
ONCE = 10


class Refused(Exception):
    """The tool failed; the message is its own."""


def pause():
    time.sleep(0.002)


def run(contender, database, watch=pause):
    """Returns the output, the seconds, and the peak memory of the largest process in kB."""
    with open(os.devnull) as nothing, temporary() as out, temporary() as err:
        begun, memory = time.monotonic(), 0
        child = subprocess.Popen(contender.command(database), env=contender.environment(database), stdin=nothing,
                                 stdout=out, stderr=err, start_new_session=True)
        while True:
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                break
            watch()
            memory = max(memory, largest(child.pid))
            if time.monotonic() - begun > TIMEOUT:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                raise Refused(f"no result within {TIMEOUT} s")
        seconds = time.monotonic() - begun
        child.returncode = code = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        output, complaint = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if code not in contender.fine:
        lines = [line for line in (complaint + output).strip().splitlines() if line.strip()]
        raise Refused(f"exit code {code}: {lines[-1][:120] if lines else 'no output'}")
    return output, seconds, memory


def largest(pid):
    """Peak memory in kB of a process or one of its children. wait4 is not used: its value starts with this program's own."""
    peaks = [int(line.split()[1]) for line in text(f"/proc/{pid}/status").splitlines() if line.startswith("VmHWM:")]
    started = text(f"/proc/{pid}/task/{pid}/children").split()
    return max([*peaks, *map(largest, started)], default=0)


def temporary():
    return tempfile.TemporaryFile()


class Peaks:
    """Peak memory and processor time of the server processes that serve one database over TCP."""

    def __init__(self, postmaster, database):
        self.postmaster, self.title = postmaster, f" {database.name} 127.0.0.1("
        self.memory, self.computed = {}, {}

    def sample(self):
        if self.postmaster is None:
            return time.sleep(0.005)
        for pid in text(f"/proc/{self.postmaster}/task/{self.postmaster}/children").split():
            # "postgres: postgres scale 127.0.0.1(51234) SELECT"
            if self.title in text(f"/proc/{pid}/cmdline"):
                anonymous = [line for line in text(f"/proc/{pid}/smaps_rollup").splitlines() if line.startswith("Anonymous:")]
                if anonymous:
                    self.memory[pid] = max(int(anonymous[0].split()[1]), self.memory.get(pid, 0))
                spent = text(f"/proc/{pid}/schedstat").split()
                if spent:
                    self.computed[pid] = int(spent[0]) / 1e9
        time.sleep(0.002)

    def backend(self):
        return max(self.memory.values(), default=None)


def fresh_backend(database):
    """Memory of a new server process in kB."""
    session = subprocess.Popen(["psql", "-X", "-q", "-c", "select pg_sleep(0.5)"], env=database.environment(),
                               stdout=subprocess.DEVNULL)
    peaks = Peaks(database.postmaster(), database)
    while session.poll() is None:
        peaks.sample()
    return peaks.backend()


def text(path):
    try:
        with open(path, errors="replace") as file:
            return file.read().replace("\0", " ")
    except OSError:
        return ""


def interleaved(contenders, database, rounds):
    """Seconds of each contender in interleaved rounds: a change of the machine's speed affects all of them."""
    times = {contender.name: [] for contender in contenders}
    for position in range(rounds):
        print(f"  round {position + 1} of {rounds}", file=sys.stderr)
        for contender in contenders:
            times[contender.name].append(run(contender, database)[1])
    return times


def spread(values):
    return statistics.median(values), min(values), max(values)
