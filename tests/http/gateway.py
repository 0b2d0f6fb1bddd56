"""One more process that serves HTTP of a cluster, or of one that is not there."""
import os
import subprocess
import tempfile

from local_cluster import LocalCluster


class Gateway(LocalCluster):
    def __init__(self, binary, namenode):
        self.directory = tempfile.mkdtemp(prefix="minidfs-http-")
        self.log_path = os.path.join(self.directory, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [binary, "--role=gateway", f"--namenode={namenode}", "--http-port=0"], stderr=log,
                env={**os.environ, "MINIDFS_CLIENT_REPLICATION": "2"})
        self.port = int(self._logged(r"serving http://127\.0\.0\.1:(\d+)/"))
