"""Line 16: clients record what they see of namenodes that are killed, stopped, cut off, slow and
full, and it must be linearizable."""
import time

import network
from cluster import Cluster
from hung_disk import HangingCalls
from nemesis import Nemesis
from recording import Recording
from scenario import check, scenario

NAMENODES = 3
NAMENODE_DISK = 256 << 20


def one_schedule(context, seed, count, seconds):
    """Returns what the judge found, and the faults."""
    machines = network.why_unavailable() is None
    disks = HangingCalls(context) if context.file_faults else None
    with Cluster(context, 0, machines, environment=disks.environment if disks else None,
                 namenodes=count, namenode_machines=machines,
                 namenode_disks=NAMENODE_DISK if machines else None) as cluster:
        nemesis = Nemesis(cluster, seed, disks, machines)
        recording = Recording(cluster, seed, 10 * seconds + 600)
        try:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                nemesis.step()
            nemesis.heal()
            recording.finish()
            found = recording.judge()
            cluster.namenode.verify()
        except Exception as failure:
            recording.abandon()
            failure.args = (f"{failure}\nseed {seed}, schedule: {'; '.join(nemesis.log)}",)
            raise
        return found, nemesis.log


def schedules(context, count, how_many, seconds):
    operations = leaderships = telling = refused = faults = 0
    for i in range(how_many):
        found, log = one_schedule(context, context.seed * 1000 + i, count, seconds)
        operations += found[0]
        leaderships += found[1]
        telling += found[2]
        refused += found[3]
        faults += len(log)
    check(telling >= how_many, f"leaderships with reads that overlap changes: expected at least one "
          f"in each of {how_many} schedules, found {telling}")
    return (f"{how_many} schedules from seed {context.seed * 1000}, {faults} faults: {operations:,} "
            f"operations of 16 clients linearizable, none failed but {refused} that "
            f"full disks refused; {leaderships} leaderships, "
            f"{telling} of them with reads that overlap changes")


@scenario(16, "histories of 16 clients while namenodes fail")
def while_namenodes_fail(context):
    return schedules(context, NAMENODES, context.pick(3, 200), context.pick(10, 15))


@scenario(16, "histories of 16 clients while an only namenode fails", clusters=False)
def while_the_only_one_fails(context):
    return schedules(context, 1, context.pick(1, 10), context.pick(10, 15))
