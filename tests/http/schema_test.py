#!/usr/bin/env python3
"""/openapi.json held against the server by schemathesis: requests made up from the description, good
ones and bad ones, and answers that must be as it says."""
import os
import subprocess
import sys
import tempfile
import unittest

from local_cluster import LocalCluster

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"
HERE = os.path.dirname(os.path.abspath(__file__))
# Where scripts/install-packages --tests puts it.
SCHEMATHESIS = os.path.join(HERE, "..", "..", "build", "test-python", "bin", "schemathesis")

CONFIGURATION = """
# As described, and refused all the same: what is not there or in the way, a condition that does not
# hold, a range beyond the end.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "404", "409", "412", "416"]

# Exactly one of two parameters is to be given, which OpenAPI cannot say.
[[operations]]
include-name = "POST /files/{path}"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "400", "404", "409"]

# A path stands in one of two forms, which OpenAPI cannot say.
[[operations]]
include-name = "POST /uploads"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "400", "404", "409", "413"]

# How many bytes a part has is said when the upload is begun.
[[operations]]
include-name = "PUT /uploads/{id}/parts/{number}"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "400", "404", "409"]

# A part of a form that is no file is passed over: a form has no types.
[[operations]]
include-name = "POST /upload"
[operations.checks.negative_data_rejection]
expected-statuses = ["201", "400", "405", "415"]

# Else no file would ever be found.
[[operations]]
include-path = "/download/{path}"
[operations.parameters]
path = "d/numbers"
"""


class SchemaTest(unittest.TestCase):
    def test_the_server_does_what_its_description_says(self):
        with LocalCluster(BINARY) as cluster, tempfile.TemporaryDirectory() as directory:
            cluster.request("PUT", "/files/d/numbers", bytes(range(256)))
            with open(os.path.join(directory, "schemathesis.toml"), "w", encoding="utf-8") as file:
                file.write(CONFIGURATION)
            done = subprocess.run(
                [SCHEMATHESIS, "run", f"http://127.0.0.1:{cluster.port}/openapi.json",
                 "--seed=20261130", "--max-examples=50", "--phases=coverage,fuzzing",
                 "--request-timeout=20", "--continue-on-failure"],
                cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                timeout=170)
            self.assertEqual(done.returncode, 0, done.stdout.decode())


if __name__ == "__main__":
    unittest.main(verbosity=1)
