"""Line 8, the same idea without processes: the planner with fake nodes and a fake clock."""
import subprocess
import time

from scenario import Skip, check, scenario


@scenario(8, "100,000 random schedules with fake nodes and a fake clock")
def simulated_schedules(context):
    if not context.simulation:
        raise Skip("runs among the other tests")
    start = time.monotonic()
    done = subprocess.run([context.simulation], capture_output=True, text=True)
    took = time.monotonic() - start
    check(done.returncode == 0, f"expected no violation, found:\n{done.stdout[-3000:]}")
    check(took < 60, f"expected them within 60 s, found {took:.0f} s")
    return f"every invariant held in every step; {took:.0f} s (bound 60 s)"
