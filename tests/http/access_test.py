#!/usr/bin/env python3
"""Who may use HTTP of a real cluster: tokens, signed second steps, pages of other sites."""
import base64
import json
import os
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

from local_cluster import LocalCluster

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"
ANYBODY = "anybodys-token-0123456789"
ALICE = "alices-token-0123456789"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def basic(token):
    return {"Authorization": "Basic " + base64.b64encode(f"me:{token}".encode()).decode()}


def write_tokens(directory, text, mode=0o600):
    path = os.path.join(directory, "tokens")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
              encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        tokens = write_tokens(cls.directory.name, f"# ours\n{ANYBODY}\nalice:{ALICE}\n")
        cls.cluster = LocalCluster(BINARY, f"--http-token-file={tokens}",
                                   "--http-cors-origin=https://friend.example,http://h:1")

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)
        cls.directory.cleanup()

    def first_step(self, method, path, op, headers=None, **parameters):
        """Where the second is to be asked."""
        status, fields, content = self.cluster.operation(
            method, path, op, headers=headers or bearer(ANYBODY), **parameters)
        self.assertEqual(status, 307, content)
        place = urllib.parse.urlsplit(fields["Location"])
        self.assertEqual(place.port, self.cluster.port)
        return f"{place.path}?{place.query}"

    def put(self, path, content=b"x"):
        status, _, answer = self.cluster.request("PUT", "/files" + path, content, bearer(ANYBODY))
        self.assertIn(status, (200, 201), answer)

    # --- Tokens ---

    def test_nothing_but_the_signs_of_life_is_for_everybody(self):
        for target in ("/healthz", "/readyz"):
            self.assertEqual(self.cluster.request("GET", target)[0], 200)
        for method, target in [("GET", "/"), ("GET", "/index.html"), ("GET", "/nothing"),
                               ("GET", "/metrics"), ("GET", "/files"), ("GET", "/api/v1/files/x"),
                               ("PUT", "/files/x"), ("DELETE", "/api/v1/files/x"),
                               ("POST", "/upload"), ("GET", "/download/x"), ("HEAD", "/download/x"),
                               ("GET", "/api/v1/cluster"), ("GET", "/openapi.json"),
                               ("GET", "/api/v1"), ("GET", "/api/v1/nothing"),
                               ("GET", "/webhdfs/v1/?op=LISTSTATUS"), ("GET", "/webhdfs/v1"),
                               ("PUT", "/webhdfs/v1/x?op=MKDIRS"),
                               ("GET", "/webhdfs/v1/x?op=WRONG"),
                               ("PUT", "/webhdfs/v1/x?op=CREATE&namenoderpcaddress=x"),
                               ("DELETE", "/webhdfs/v1/x?op=DELETE"), ("BREW", "/files/x")]:
            for headers in ({}, bearer("x"), bearer(ANYBODY[:-1]), basic(ALICE + "x"), bearer("")):
                with self.subTest(method=method, target=target, headers=headers):
                    self.assertEqual(self.cluster.request(method, target, headers=headers)[0], 401)

    def test_a_refusal_has_the_form_of_its_family(self):
        _, fields, content = self.cluster.request("GET", "/webhdfs/v1/x?op=GETFILESTATUS")
        exception = json.loads(content)["RemoteException"]
        self.assertEqual(exception["exception"], "AuthenticationException")
        self.assertTrue(exception["javaClassName"].endswith(".client.AuthenticationException"))
        _, fields, content = self.cluster.request("GET", "/files/x")
        self.assertEqual(json.loads(content)["error"]["code"], "permission denied")
        _, fields, content = self.cluster.request("GET", "/")
        self.assertTrue(fields["Content-Type"].startswith("text/plain"))
        self.assertNotIn(b"<", content)
        self.assertIn("Basic realm=\"minidfs\"", fields["WWW-Authenticate"])

    def test_tokens_open_everything_as_bearer_and_as_password(self):
        for headers in (bearer(ANYBODY), basic(ANYBODY), bearer(ALICE), basic(ALICE)):
            for target in ("/", "/metrics", "/files", "/api/v1/cluster",
                           "/webhdfs/v1/?op=LISTSTATUS"):
                self.assertEqual(self.cluster.request("GET", target, headers=headers)[0], 200)
        cluster = json.loads(self.cluster.request("GET", "/api/v1/cluster",
                                                  headers=bearer(ALICE))[2])
        self.assertEqual(cluster["http_access"], "token")
        self.assertEqual(json.loads(self.cluster.verb("status", "--json"))["http"], "tokens")

    def test_who_has_a_name_is_nobody_else(self):
        def owner(path):
            answer = self.cluster.request("GET", "/webhdfs/v1" + path + "?op=GETFILESTATUS",
                                          headers=bearer(ANYBODY))[2]
            return json.loads(answer)["FileStatus"]["owner"]

        for query, headers, status, name in [
                ("", bearer(ALICE), 200, "alice"),
                ("&user.name=alice", bearer(ALICE), 200, "alice"),
                ("&user.name=bob", bearer(ALICE), 403, None),
                ("&user.name=bob", bearer(ANYBODY), 200, "bob")]:
            path = f"/named{len(query)}{status}{headers['Authorization'][-12]}"
            found = self.cluster.request("PUT", f"/webhdfs/v1{path}?op=MKDIRS{query}",
                                         headers=headers)[0]
            self.assertEqual(found, status)
            if name:
                self.assertEqual(owner(path), name)
        self.assertEqual(self.cluster.request("PUT", "/files/hers", b"x", bearer(ALICE))[0], 201)
        self.assertEqual(owner("/hers"), "alice")

    def test_a_body_that_may_not_come_is_not_waited_for(self):
        for _ in range(20):
            status, _, _ = self.cluster.request("PUT", "/files/big", b"x" * 200_000)
            self.assertEqual(status, 401)
        self.assertEqual(self.cluster.request("GET", "/files/big", headers=bearer(ANYBODY))[0], 404)

    # --- Second steps ---

    def test_second_steps_need_no_token(self):
        content = b"hello" * 1000
        place = self.first_step("PUT", "/steps/a b", "CREATE")
        self.assertEqual(self.cluster.request("PUT", place, content)[0], 201)
        place = self.first_step("POST", "/steps/a b", "APPEND")
        self.assertEqual(self.cluster.request("POST", place, b"more")[0], 200)
        place = self.first_step("GET", "/steps/a b", "OPEN")
        self.assertEqual(self.cluster.request("GET", place)[2], content + b"more")
        place = place.replace("&offset=0", "") + "&offset=4995"
        self.assertEqual(self.cluster.request("GET", place)[2], b"hellomore")

    def test_a_second_step_with_a_token_needs_no_signature(self):
        place = "/webhdfs/v1/plain?op=CREATE&user.name=alice&namenoderpcaddress=x"
        self.assertEqual(self.cluster.request("PUT", place, b"x", bearer(ALICE))[0], 201)

    def test_a_location_in_words_is_signed_as_well(self):
        status, _, content = self.cluster.operation("PUT", "/words", "CREATE",
                                                    headers=bearer(ALICE), noredirect="true")
        self.assertEqual(status, 200)
        place = urllib.parse.urlsplit(json.loads(content)["Location"])
        self.assertEqual(self.cluster.request("PUT", f"{place.path}?{place.query}", b"x")[0], 201)

    def test_a_signature_is_for_what_it_was_made_for(self):
        self.put("/secret", b"secret")
        self.put("/open", b"open")
        place = self.first_step("GET", "/open", "OPEN")
        for other in (place.replace("/open?", "/secret?"),
                      place.replace("op=OPEN", "op=LISTSTATUS"),
                      place.replace("user.name=alice", "user.name=bob"),
                      place.replace("minidfs.expires=", "minidfs.expires=9"),
                      place[:-1] + ("0" if place[-1] != "0" else "1"), place + "&x=y",
                      place.replace("/webhdfs/v1/open", "/download/open")):
            with self.subTest(other):
                status, _, content = self.cluster.request("GET", other)
                self.assertEqual(status, 401)
                self.assertNotIn(b"secret", content.replace(b"minidfs", b""))
        self.assertEqual(self.cluster.request("GET", place, headers={"Host": "other:1"})[0], 401)
        place = self.first_step("PUT", "/open", "CREATE", overwrite="false")
        forged = place.replace("overwrite=false", "overwrite=true")
        self.assertNotEqual(place, forged)
        self.assertEqual(self.cluster.request("PUT", forged, b"forged")[0], 401)
        self.assertEqual(self.cluster.request("DELETE", place.replace("CREATE", "DELETE"))[0], 401)
        self.assertEqual(self.cluster.verb("cat", "/open"), b"open")

    # --- Pages of other sites ---

    def test_named_sites_may_use_it(self):
        for origin, allowed in (("https://friend.example", True), ("https://evil.example", False)):
            for target in ("/files/x", "/webhdfs/v1/x?op=CREATE"):
                _, fields, _ = self.cluster.request("OPTIONS", target, headers={
                    "Origin": origin, "Access-Control-Request-Method": "PUT",
                    "Access-Control-Request-Headers": "authorization"})
                self.assertEqual(fields.get("Access-Control-Allow-Origin"),
                                 origin if allowed else None)
                self.assertEqual("Authorization" in fields.get("Access-Control-Allow-Headers", ""),
                                 allowed)
            status, fields, _ = self.cluster.request("PUT", "/files/cors", b"x",
                                                     {"Origin": origin, **bearer(ANYBODY)})
            self.assertEqual(status in (200, 201), allowed)
            self.assertEqual(fields.get("Access-Control-Allow-Origin"), origin if allowed else None)

    def test_a_kept_password_changes_nothing_for_other_sites(self):
        headers = {"Origin": "https://evil.example", **basic(ANYBODY)}
        for method, target in (("POST", "/webhdfs/v1/x?op=CONCAT&sources=/y"),
                               ("PUT", "/webhdfs/v1/evil?op=MKDIRS"), ("DELETE", "/files/cors")):
            self.assertEqual(self.cluster.request(method, target, headers=headers)[0], 403)


class Start(unittest.TestCase):
    """What a role says that cannot let anybody in as it was told to."""

    def refusal(self, *flags):
        with tempfile.TemporaryDirectory() as directory:
            done = subprocess.run(
                [BINARY, "--role=gateway", "--http-port=0", "--namenode=127.0.0.1:1",
                 *(flag.replace("DIR", directory) for flag in flags)],
                stderr=subprocess.PIPE, timeout=30, check=False)
            return done.returncode, done.stderr.decode().strip()

    def refused_tokens(self, text, mode=0o600):
        with tempfile.TemporaryDirectory() as directory:
            path = write_tokens(directory, text, mode)
            code, said = self.refusal(f"--http-token-file={path}")
            self.assertNotEqual(code, 0)
            self.assertEqual(said.count("\n"), 0, said)
            return said.replace(path, "FILE")

    def test_a_file_that_is_wrong_is_named_with_the_line(self):
        self.assertIn("FILE: others than its owner", self.refused_tokens(ANYBODY, 0o640))
        self.assertIn("FILE: holds no token", self.refused_tokens(""))
        self.assertIn("FILE: holds no token", self.refused_tokens("# none\n"))
        self.assertIn("FILE:2: a token has at least 16", self.refused_tokens(f"{ANYBODY}\nshort\n"))
        self.assertIn("FILE:1: what stands before", self.refused_tokens(f"a b:{ANYBODY}\n"))
        self.assertIn("No such file", self.refusal("--http-token-file=DIR/none")[1])

    def test_other_machines_are_let_in_on_purpose_only(self):
        code, said = self.refusal("--http-listen=0.0.0.0")
        self.assertNotEqual(code, 0)
        self.assertIn("--http-token-file", said)
        self.assertIn("--http-insecure", said)
        code, said = self.refusal("--http-insecure", "--http-token-file=DIR/none")
        self.assertNotEqual(code, 0)
        self.assertIn("give one of them", said)
        self.assertIn("is not an origin", self.refusal("--http-cors-origin=*")[1])


if __name__ == "__main__":
    unittest.main(verbosity=1)
