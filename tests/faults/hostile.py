"""Line 9: hostile bytes at both ports; the programs of the cluster tests send them."""
import subprocess

from scenario import Skip, check, scenario

TESTS = ("*forged lengths*,ten thousand changed conversations*,"
         "a hundred thousand random*,five thousand idle*,connections that send one byte*,"
         "a flood of connections*")


@scenario(9, "hostile bytes at each port")
def hostile_bytes(context):
    if not context.cluster_tests:
        raise Skip("runs among the cluster tests")
    done = subprocess.run([context.cluster_tests, TESTS], capture_output=True, text=True)
    check(done.returncode == 0, f"expected the cluster tests to pass, found:\n{done.stdout[-3000:]}")
    return done.stdout.strip().splitlines()[-1]
