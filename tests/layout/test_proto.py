"""spec/agent_v2.proto is what the encoder writes: protoc reads each golden message with it and writes the same bytes."""

import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec"
PROTO = SPEC / "agent_v2.proto"
ENVELOPES = ("ProxyToAgent", "AgentToProxy", "AgentControl", "ProxyControl")


def protoc(action: str, envelope: str, data: bytes) -> bytes:
    command = ["protoc", f"--proto_path={SPEC}", f"--{action}=zentinel.agent.v2.{envelope}", PROTO.name]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def is_known(text: bytes) -> bool:
    """Fields that protoc does not know have numbers in place of names."""
    return bool(text) and not re.search(rb"^ *\d+[ :{]", text, re.MULTILINE)


@unittest.skipUnless(shutil.which("protoc"), "protoc is not installed (tools/bootstrap test)")
class TheProto(unittest.TestCase):
    def test_describes_each_golden_message(self) -> None:
        vectors = sorted(SPEC.glob("vectors/frames/*.grpc.hex"))
        self.assertGreater(len(vectors), 40)
        for vector in vectors:
            with self.subTest(vector.name):
                data = bytes.fromhex(vector.read_text())
                texts = {envelope: protoc("decode", envelope, data) for envelope in ENVELOPES if self.reads(envelope, data)}
                known = {envelope: text for envelope, text in texts.items() if is_known(text)}
                self.assertTrue(known, "no envelope of which protoc knows every field")
                self.assertIn(data, [protoc("encode", envelope, text) for envelope, text in known.items()])

    def test_is_what_reflection_describes(self) -> None:
        made = subprocess.run(["protoc", f"--proto_path={SPEC}", "--descriptor_set_out=/dev/stdout", PROTO.name, "health.proto"],
                              capture_output=True, check=True).stdout
        again = "cd spec && protoc --descriptor_set_out=services.binpb agent_v2.proto health.proto"
        self.assertEqual((SPEC / "services.binpb").read_bytes(), made, f"run: {again}")

    @staticmethod
    def reads(envelope: str, data: bytes) -> bool:
        try:
            return bool(protoc("decode", envelope, data))
        except subprocess.CalledProcessError:
            return False


if __name__ == "__main__":
    unittest.main()
