"""`picket call --record` writes what was said, `picket replay` plays it to another agent and compares."""

import re

from test_cli import Cli

SECRETS = ("Bearer abc", "session=1", "hunter2")


class Recording(Cli):
    def record(self, *arguments, agent: str = "agent", **more) -> bytes:
        """The recording of a call of the running agent."""
        result = self.call(self.stage.path(agent), "--record", "call.rec", *arguments, **more)
        self.assertIn(result.returncode, (0, 3), result.stderr)
        return (self.stage.folder / "call.rec").read_bytes()

    def replay(self, agent: str, *arguments):
        return self.picket("replay", "call.rec", "--agent", f"unix:{self.stage.path(agent)}", *arguments)

    def types(self, recording: bytes) -> list[tuple[str, str]]:
        return [
            (line[1].decode(), line[2].decode())
            for line in re.finditer(rb"^([<>]) \d+ ([a-z_]+) \d+$", recording, re.M)
        ]

    def test_a_recording_has_every_frame_in_its_order(self):
        self.stand_in()
        recording = self.record("-d", "x=1", "/")
        self.assertTrue(recording.startswith(b"picket-recording 1\n"))
        self.assertEqual(
            self.types(recording),
            [
                (">", "handshake_request"),
                ("<", "handshake_response"),
                (">", "request_headers"),
                ("<", "agent_response"),
                (">", "request_body_chunk"),
                ("<", "agent_response"),
                (">", "request_complete"),
            ],
        )
        self.assertEqual((self.stage.folder / "call.rec").stat().st_mode & 0o777, 0o600)

    def test_secrets_are_masked_unless_they_are_asked_for(self):
        self.stand_in()
        request = ("--encoding", "json", "-H", f"Authorization: {SECRETS[0]}", "-H", f"cookie: {SECRETS[1]}", "-H", "x-plain: yes")
        config = ("--config", '{"password":"hunter2","level":3}')
        recording = self.record(*request, *config, "/").decode()
        for secret in SECRETS:
            self.assertNotIn(secret, recording)
        self.assertIn('"password":"[masked]"', recording)
        self.assertIn("yes", recording)
        recording = self.record("--with-secrets", *request, *config, "/").decode()
        for secret in SECRETS:
            self.assertIn(secret, recording)

    def test_an_agent_that_answers_as_before_is_0(self):
        self.stand_in("--block-if", "x-evil=yes")
        for encoding in ("json", "msgpack"):
            self.record("--encoding", encoding, "-H", "x-evil: yes", "-H", "authorization: secret", "/")
            result = self.replay("agent")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertIn("1 asked, 0 answered otherwise", result.stdout)

    def test_an_agent_that_answers_otherwise_is_3_and_each_field_is_named(self):
        self.stand_in("--block-if", "x-evil=yes")
        self.record("-H", "x-evil: yes", "/")
        self.stand_in(name="lenient")
        result = self.replay("lenient")
        self.assertEqual(result.returncode, 3)
        self.assertRegex(result.stdout, r"differs request_headers of exchange \w+")
        self.assertRegex(result.stdout, r"decision: recorded \{\"block\":.*\}, now \"allow\"")
        self.assertRegex(result.stdout, r"audit\.rule_ids\[0\]: recorded \"block-if\", now nothing")
        self.assertIn("1 asked, 1 answered otherwise", result.stdout)

    def test_bodies_are_played_chunk_by_chunk(self):
        self.stand_in()
        self.record("-d", "@-", "/", stdin=b"b" * 200_000)
        result = self.replay("agent")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("same    request_body_chunk 1 of exchange", result.stdout)

    def test_nobody_to_play_to_is_1(self):
        self.stand_in()
        self.record("/")
        result = self.replay("nobody", "--timeout-ms", "200")
        self.assertEqual(result.returncode, 1)
        self.assertIn("picket replay: ", result.stderr)

    def test_a_masked_configuration_has_to_be_given(self):
        self.stand_in()
        self.record("--config", '{"level":3}', "/")
        result = self.replay("agent")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--config", result.stderr)
        self.assertEqual(self.replay("agent", "--config", '{"level":3}').returncode, 0)
        self.record("--with-secrets", "--config", '{"level":3}', "/")
        self.assertEqual(self.replay("agent").returncode, 0)

    def test_a_recording_that_is_cut_anywhere_is_2_and_names_the_byte(self):
        self.stand_in()
        whole = self.record("/")
        file = self.stage.folder / "call.rec"
        begin = whole.index(b"> ", whole.index(b"\n", whole.index(b"< ")))  # of the third record
        for size in (begin + 5, begin + 60, whole.index(b"\n", begin) + 3):
            file.write_bytes(whole[:size])
            result = self.replay("agent")
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"call.rec: byte {begin}: the recording is cut", result.stderr)

    def test_what_is_no_recording_is_2_and_says_so(self):
        self.stand_in()
        file = self.stage.folder / "call.rec"
        for bytes_, said in (
            (b"", "is no recording"),
            (b"picket-recording 9\n", "version 9"),
            (b"picket-recording 1\n", "it asks an agent nothing"),
            (b"picket-recording 1\n> x ping 2\n{}\n", "byte 19: this is no record"),
            (b"picket-recording 1\n> 0 pong 2\n{}x", "byte 19: this record does not end where it says"),
            (b"picket-recording 1\n> 0 gossip 2\n{}\n", "byte 19: a record of a type that nobody knows"),
            (b"picket-recording 1\n> 0 ping 99999999\n{}\n", "byte 19: a payload of 99999999 bytes"),
            (b"picket-recording 1\n" + b"x" * 500, "byte 19: this is no record"),
            (b"picket-recording 1\n> 0 request_headers 2\n{}\n", "record 1, request_headers: "),
        ):
            file.write_bytes(bytes_)
            result = self.replay("agent")
            self.assertEqual(result.returncode, 2, bytes_)
            self.assertIn(said, result.stderr)
        file.unlink()
        self.assertIn("cannot be read", self.replay("agent").stderr)

    def test_a_file_that_cannot_be_written_is_2_before_anybody_is_asked(self):
        self.stand_in()
        result = self.call(self.stage.path("agent"), "--record", "no/such/folder/call.rec", "/")
        self.assertEqual(result.returncode, 2)
        self.assertIn("no/such/folder/call.rec", result.stderr)
