"""Lines 9 and 15: hostile bytes and crowds at the ports; the programs of the cluster tests make them."""
import subprocess

from scenario import Skip, check, scenario

TESTS = ("*forged lengths*,ten thousand changed conversations*,"
         "a hundred thousand random*,five thousand idle*,connections that send one byte*,"
         "a flood of connections*")


@scenario(9, "hostile bytes at each port", clusters=False)
def hostile_bytes(context):
    if not context.cluster_tests:
        raise Skip("runs among the cluster tests")
    done = subprocess.run([context.cluster_tests, TESTS], capture_output=True, text=True)
    check(done.returncode == 0, f"expected the cluster tests to pass, found:\n{done.stdout[-3000:]}")
    return done.stdout.strip().splitlines()[-1]


@scenario(15, "thousands of connections, and a thousand datanodes that report at once",
          clusters=False)
def many_connections(context):
    if not context.cluster_tests:
        raise Skip("runs among the cluster tests")
    tests = context.pick("two thousand idle strangers*,many datanodes report*",
                         "ten thousand strangers*,a thousand datanodes report*")
    done = subprocess.run([context.cluster_tests, tests], capture_output=True, text=True)
    check(done.returncode == 0, f"expected the cluster tests to pass, found:\n{done.stdout[-3000:]}")
    return " ".join(line for line in done.stdout.splitlines() if "nodes over" in line)
