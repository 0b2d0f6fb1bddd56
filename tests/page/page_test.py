#!/usr/bin/python3
"""Uses the page as people do, in a headless Chromium.

  tests/page/page_test.py [--address URL | --binary PROGRAM] [--screenshots DIRECTORY] [TEST...]

With --binary a cluster in one process serves the page, else mock_server.py, which can also be slow
and break connections; what needs that is left out with a server that cannot. TEST is as unittest has it, such
as EntriesTest.test_rename. Exit code 77 when there is no Chromium.
"""
import argparse
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http")]

SKIPPED_CODE = 77
try:
    import browser as browsers
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(SKIPPED_CODE)
from entries import EntriesTest  # noqa: F401 (unittest finds it here, as the following)
from failures import FailuresTest  # noqa: F401
from lists import ListsTest  # noqa: F401
from local_cluster import LocalCluster
from page_case import settings
from part_uploads import PartUploadsTest  # noqa: F401
from previews import PreviewsTest  # noqa: F401
from serving import ServingTest  # noqa: F401
from uploads import UploadsTest  # noqa: F401
from views import ViewsTest  # noqa: F401


def run():
    unittest.main(argv=[sys.argv[0], *settings.tests], verbosity=2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", help="of a server that runs, such as http://127.0.0.1:9870")
    parser.add_argument("--binary", help="minidfs, of which a cluster is started")
    parser.add_argument("--screenshots", help="where to put pictures of the page")
    parser.add_argument("tests", nargs="*")
    parser.parse_args(namespace=settings)
    if not browsers.available():
        print("skipped: no Chromium")
        sys.exit(SKIPPED_CODE)
    if settings.binary:
        with LocalCluster(settings.binary) as cluster:
            settings.address = f"http://127.0.0.1:{cluster.port}"
            run()
    else:
        settings.address = settings.address and settings.address.rstrip("/")
        run()


if __name__ == "__main__":
    main()
