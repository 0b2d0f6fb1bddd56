"""One more process that serves HTTP of a cluster, or of one that is not there."""
import tempfile

from local_cluster import LocalCluster
from role import Role


class Gateway(LocalCluster):
    def __init__(self, binary, namenode):
        self.directory = tempfile.mkdtemp(prefix="minidfs-http-")
        self.role = Role(binary, self.directory, "log", "--role=gateway", "--http-port=0",
                         f"--namenode={namenode}", environment={"MINIDFS_CLIENT_REPLICATION": "2"})
        self.port = self.role.http_port()
