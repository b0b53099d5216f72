#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets, made from spec/vectors, the example configurations and tests/guard.

  fuzz/seeds.py FOLDER       FOLDER/<target>/<name>
"""
import gzip
import json
import pathlib
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
HANDSHAKES = (0x01, 0x02)

# What session_fuzz reads: options, then steps. Each moves all that is queued.
MINT, HEADERS, CHUNK, END, TO_AGENT, TO_PROXY, ANSWER, TIME, RAW_TO_AGENT, RAW_TO_PROXY = range(10)
MOVE = [TO_AGENT, 255, TO_PROXY, 255]
EXCHANGE = [MINT, HEADERS, 0, 0, 0, 90] + MOVE + [ANSWER, 0, 1] + MOVE + [CHUNK, 0, 1, 80, 90] + MOVE + [ANSWER, 0, 1] + MOVE
ENDS = {"complete": [END, 0, 1] + MOVE, "cancel": [HEADERS, 0, 0, 0, 90, END, 0, 0] + MOVE, "timeout": [HEADERS, 0, 0, 0, 1, TIME, 9] + MOVE}

# What stands behind a path's first slash, where readers differ.
PATHS = [b"x%5cy/../admin", b"x%2f..%2fadmin", b"app//../admin", b"x/..;a=b/admin", b"%61dmin%3fx", b"%2561dmin%2523",
         b"a%00/./b", b"%c0%ae%c0%ae/%u002e", b"%25%32%66..;%3b//%5c%5c"]

# Heads that pass: what a fuzzer then changes.
HEADS = [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
         b"POST http://a.test:80/x?y HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 3\r\nConnection: close, X-A\r\n\r\n",
         b"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nB:  c\td \r\n\r\n",
         b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n",
         b"HTTP/1.0 404\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"]

# What models say of their cost.
USAGE = [b'{"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}', b'data: {"usage":{"input_tokens":25,"output_tokens":1}}\n\n']


def http2_frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literals(*fields):
    return b"".join(b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in fields)


# What a client of HTTP/2 sends: how it is cut, then frames.
H2_CONNECT = literals((b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/x"))
H2_HEAD = literals((b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/x"), (b"cookie", b"a"), (b"cookie", b"b"))
HTTP2 = {
    "connect": b"\0" + http2_frame(4, 0, 0, b"") + http2_frame(1, 4, 1, H2_CONNECT) + http2_frame(0, 0, 1, b"abc"),
    "get": b"\0" + http2_frame(4, 0, 0, b"") + http2_frame(1, 5, 1, H2_HEAD),
    "post": b"\7" + http2_frame(4, 0, 0, b"\0\4\0\0\0\0") + http2_frame(1, 4, 1, H2_HEAD) + http2_frame(0, 0, 1, b"abc") + http2_frame(0, 1, 1, b""),
    "parts": b"\3" + http2_frame(4, 0, 0, b"") + http2_frame(1, 0, 1, H2_HEAD[:9]) + http2_frame(9, 4, 1, H2_HEAD[9:]) + http2_frame(3, 0, 1, b"\0\0\0\10"),
    "others": b"\0" + http2_frame(4, 0, 0, b"") + http2_frame(6, 0, 0, b"12345678") + http2_frame(8, 0, 0, b"\0\0\0\1") + http2_frame(2, 0, 3, b"\0\0\0\0\1") + http2_frame(7, 0, 0, 8 * b"\0"),
}
# The same of an upstream: a head is ":status: 200" of HPACK's static table.
HTTP2_UPSTREAM = {
    "answer": b"\0" + http2_frame(4, 1, 0, b"") + http2_frame(1, 4, 1, b"\x88") + http2_frame(0, 1, 1, b"abc"),
    "interim": b"\7" + http2_frame(1, 4, 1, b"\x08\x03103") + http2_frame(1, 4, 1, b"\x88\x5c\x013") + http2_frame(0, 1, 1, b"abc"),
    "trailers": b"\3" + http2_frame(1, 4, 3, b"\x88") + http2_frame(0, 0, 3, b"abc") + http2_frame(1, 5, 3, b"\0\1a\1b"),
    "refused": b"\0" + http2_frame(3, 0, 1, b"\0\0\0\7") + http2_frame(7, 0, 0, b"\0\0\0\1\0\0\0\0") + http2_frame(6, 0, 0, b"12345678"),
}


# What one end of a WebSocket sends: whose it is, how it is cut, then frames; a mask of zeros hides nothing.
WEBSOCKET = {
    "text": b"\0\0\x81\5Hello", "masked": b"\1\3\x81\x85\0\0\0\0Hello", "long": b"\0\7\x82\x7e\1\0" + bytes(256),
    "fragments": b"\0\2\1\3Hel\x89\0\0\0\x80\2lo\x88\5\3\xe8bye", "too-large": b"\0\0\x82\x7f\0\0\0\0\1\0\0\0",
    "cut-character": b"\0\1\1\2\xe2\x82\x80\1\xac", "mask": b"\1\5\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "empty": b"\0\0\x81\0\x82\0\x8a\0",
    "empty-fragments": b"\0\3\1\0\0\0\x80\0", "long-fragments": b"\0\x11\2\x7e\1\0" + bytes(256) + b"\0\x7e\2\0" + bytes(512) + b"\x80\0",
    "long-form": b"\0\0\x82\x7f\0\0\0\0\0\1\0\0" + bytes(65536), "needless-form": b"\0\0\x82\x7e\0\5Hello", "top-bit": b"\0\0\x82\x7f\x80\0\0\0\0\0\0\0",
    "reserved": b"\0\0\xc1\5Hello", "unknown": b"\0\0\x83\0", "lone-continuation": b"\0\0\x80\1a", "message-in-a-message": b"\0\0\1\1a\x81\1b",
    "control-in-parts": b"\0\0\x09\1a", "long-control": b"\0\0\x89\x7e\0\x7e" + bytes(126), "unmasked": b"\1\0\x81\1a", "masked-server": b"\0\0\x81\x81\0\0\0\0a",
    "close": b"\0\1\x88\0\x88\2\3\xe9", "short-close": b"\0\0\x88\1\3", "no-code": b"\0\0\x88\2\3\xee", "close-no-text": b"\0\0\x88\4\3\xe8\xc0\x80", "ping-in-a-message": b"\1\2\1\x81\0\0\0\0a\x89\x80\1\2\3\4\x80\x81\0\0\0\0b",
}


# Messages that are hard to step over: a group in a group, a number of ten bytes, lists in one piece and one by one, a message twice.
PROTOBUF = [bytes.fromhex(text) for text in ("12060a00fb01fc01", "1000ffffffffffffffffff7f", "0a060a010208010801", "12041200120012021a00")]


# Whole blocks and what is left of them, each padding; what is not of the alphabet, or has another reading.
BASE64 = [b"QUJD" * 9, b"+/+/" * 8 + b"QQ==", b"AAA=", b"QR==", b"QUI", 31 * b"A" + b"-AAA", b"QUJD\nQUJD"]
# A coding, how it is cut, and a body in it: gzip of two members, zlib, deflate, brotli; and what ends early.
UNPACK = [b"\0\1\2" + gzip.compress(b"one", mtime=0) + gzip.compress(b"two" * 99, mtime=0), b"\1\7\1" + zlib.compress(b"abc" * 50),
          b"\1\0\0" + zlib.compress(b"abc" * 50)[2:-4], b"\2\2\2\x0b\x02\x80hello\x03", b"\0\3\3" + gzip.compress(b"one", mtime=0)[:-3]]
# Prompts: a system's and tools', parts, media, a name twice, keys that are no names, settings, token ids, what is cut off, nested deep or no UTF-8.
PROMPTS = [b'{"system":[{"type":"text","text":"4"}],"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a 4":"4","n":4}}]},'
           b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"44"}]}]}]}',
           b'{"messages":[{"role":"tool","content":"4"}],"tools":[{"type":"function","function":{"name":"f","description":"4","parameters":{"type":"object","properties":{"4":{"enum":["4",4]}}}}}]}',
           b'{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,' + b"QUJD" * 20 + b'"}},{"type":"text","text":"\\ud83d\\ude00 4"}]}]}',
           b'{"messages":[{"content":"4","content":"5"},{"content":"4"}],"messages":[]}', b'{"messages":[{"content":[{"4 4":"a","4 4":{}}]}],"user":"a 4"}', b'{"prompt":["4","a"],"stop":["4"],"metadata":{"a":"4"}}',
           b'{"prompt":[[4,4],4]}', b'{"messages":[{"content":"4', b'{"messages":' + b"[" * 80 + b"]" * 80 + b"}", b'{"messages":[{"content":"4\xff"}]}', b'{"messages":[{"role":"user\\n4","content":"\\u0034\\/"}]}', b"[]", b'"4"', b" "]
# Answers of several choices, refusals, calls of tools, blocks, errors, lists without texts, logprobs.
ANSWERS = [b'{"id":"4","choices":[{"index":1,"message":{"role":"assistant","content":"4","refusal":null}},{"index":0,"message":{"content":null,"refusal":"44","reasoning_content":"4"},"finish_reason":"stop"}],"usage":{"total_tokens":4}}',
           b'{"choices":[{"index":0,"message":{"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\\"a\\":\\"4\\"}"}},{"function":{"arguments":{"a":4,"b":["4"]}}}]}}]}',
           b'{"type":"message","content":[{"type":"thinking","thinking":"4","signature":"' + b"QUJD" * 20 + b'"},{"type":"text","text":"4","citations":[{"cited_text":"4"}]}],"stop_reason":"end_turn"}',
           b'{"error":{"message":"4","code":4}}', b'{"object":"list","data":[{"id":"4"}]}', b'{"choices":[{"logprobs":{"content":[{"token":"4","bytes":[52]}]},"message":{"content":"4"}}]}', b'{"content":42}', b"\n\t{}"]
# Streams: calls of tools in pieces, choices in turn, a finish with the last words and texts behind it, an index that is missing or twice, blocks out of turn, other lines, ends of lines of each kind, no end.
STREAMS = [b'data: {"choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}}]}\n\n'
           b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\\"4"}},{"index":1,"function":{"arguments":"4"}}]}}]}\n\ndata: [DONE]\n\n',
           b'data: {"choices":[{"index":0,"delta":{"content":"a4"},"finish_reason":"stop"}]}\n\ndata: {"choices":[{"index":0,"delta":{"content":"4b"},"finish_reason":"stop"}]}\n\n',
           b'data: {"choices":[{"index":0,"delta":{"content":"4"}},{"index":0,"delta":{"content":"4"}},{"index":1,"delta":{"content":"a"}}]}\n\ndata: {"choices":[{"delta":{"content":"4"}}]}\n\n',
           b'data: {"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":4}}}\n\nevent: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
           b'data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"4"}}\n\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"4 a"}}\n\n'
           b'data: {"type":"content_block_stop","index":1}\n\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\ndata: {"type":"message_stop"}\n\n',
           b'data: {"type":"content_block_delta","delta":{"text":"4"}}\n\n', b'data: {"choices":[{"index":1.0,"delta":{"content":"4"}}]}\n\n',
           b'\xef\xbb\xbfid: 4\rretry: 4\r\rdata:{"choices":[{"index":0,\rdata: "delta":{"content":"4"}}]}\r\r: 4\r\nevent: ping\r\ndata: {"type":"ping"}\r\n\r\n',
           b'data: {"choices":[{"index":0,"delta":{"content":"' + b"a4" * 40 + b'"}}]}', b'data: {"error":{"message":"4"}}\n\n', b"data: [DONE]\n\n", b"data: 4\n\n", b"4: a\n\n", b"\n\n\n"]
# Options, and what models are told or say: a prompt, a whole answer, streams of both APIs.
GUARDRAIL = [b"\0\x08\3" + b'{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"\\u0034 a4"}]}]}',
             b"\1\x08\3" + b'{"choices":[{"message":{"content":"4111","tool_calls":[{"function":{"arguments":"{}"}}]},"index":0}]}',
             b"\1\x08\3" + b'{"content":[{"type":"tool_use","input":{"a4":[4,null],"b":"4"}}]}',
             b"\1\x04\1" + b'data: {"choices":[{"index":0,"delta":{"content":"a4"}}]}\r\n\r\ndata: {"choices":[{"index":1,"delta":{"content":"4"},'
             b'\ndata: "finish_reason":"stop"}]}\n\n: x\ndata: [DONE]\n\n',
             b"\1\x04\1" + b'event: a\ndata: {"type":"content_block_delta","index":0,"delta":{"text":"44"}}\n\ndata: {"type":"content_block_stop","index":0}\n\n',
             b"\3\x04\1" + b'data: {"type":"other"}\n\nmore', b"\1\x04\1\xef\xbb\xbf{}",
             b"\1\x04\1" + b'data: {"choices":[{"delta":{"arguments":"a\\\\u00"}}]}\n\ndata: {"choices":[{"delta":{"arguments":"34 4\\\\n"}}]}\n\n',
             b"\1\x08\3" + b'{"content":[{"type":"text","text":"a4"},{"type":"text","text":"4 b"}]}',
             b"\5\x08\3" + b'{"object":"list","data":[{"choices":[{"message":{"content":"4"}}],"n":[4,444444444]}],"4 4":1}',
             *(b"\0\x06\2" + prompt for prompt in PROMPTS), *(b"\1\x06\2" + answer for answer in ANSWERS), *(b"\1\x05\3" + stream for stream in STREAMS)]
UTF8 = ["a\u00e4\u20ac\U0001f600".encode(), 33 * b"a" + b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"]


# Answers of a name server: two addresses behind an alias, IPv6, services with a whole and a compressed name, circles.
DNS = [bytes.fromhex("12348180000100030000000001610474657374000001 0001 c00c000500010000003c0004016202" + "c00e" + "c00c000100010000001e00047f000001 c00c000100010000001e00047f000002"),
       bytes.fromhex("12348180000100010000000001610474657374 00001c0001 c00c001c0001000000050010" + "20010db8" + 22 * "0" + "01"),
       bytes.fromhex("123481800001000200000000045f776166 045f746370 0474657374 0000210001"
                     "c00c00210001000000050010 0001 0002 2328 0161 0474657374 00 0000 c00c00210001000000050008 0001 0002 2328 c016"),
       bytes.fromhex("1234818000010001000000000161 00 0001 0001 c010 0001 0001 00000005 0004 7f000001")]

# Answers as agents of dialects give them, to the first event of a connection.
V1 = [b'{"version":2,"decision":"allow"}', b'{"version":1,"decision":{"block":{"status":403,"body":"no"}},"needs_more":true}']
SITE = [b'{"request_id":1,"decision":{"type":"block","status":403},"request_headers":[{"type":"set","name":"a","value":"b"}]}',
        b'{"request_id":1,"decision":{"needs_more":true},"audit":{"tags":["t"]}}', b'{"request_id":0,"decision":"allow"}']


# In front of a connection, and of what a proxy appends.
PROXY_HEADERS = [b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET", b"PROXY UNKNOWN ffff::1\r\n",
                 b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(range(12)) + b"GET", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"]
FORWARDED = [b"for=192.0.2.1", b'For="[2001:db8::1]:4711";Proto=https', b'for="6.6.6.6', b'for="\\"', b"for=_a;secret=\"x,y;z\""]


def dialects():
    for number, json in enumerate(V1):
        yield f"v1-{number}", b"\0" + len(json).to_bytes(4, "big") + json
    for number, json in enumerate(SITE):
        yield f"site-{number}", b"\1" + (len(json) + 1).to_bytes(4, "big") + b"\x20" + json


def frames():
    for file in sorted((ROOT / "spec/vectors/frames").glob("*.hex")):
        yield file.name.removesuffix(".hex"), bytes.fromhex(file.read_text())


def raw(step, data):
    padded = data + bytes(-len(data) % 4)
    return bytes([step, min(255, len(padded) // 4)]) + padded[:1020]


def seeds():
    for target, texts in ("base64", BASE64), ("guardrail", GUARDRAIL), ("unpack", UNPACK), ("utf8", UTF8):
        for number, text in enumerate(texts):
            yield target, str(number), text
    for name, said in dialects():
        yield "dialects", name, said
    stream = b""
    for name, frame in frames():
        if name.endswith(".grpc"):
            yield "protobuf", name, frame
            continue
        stream += frame
        yield "frame", name, frame
        # A type and a payload, as json_fuzz and msgpack_fuzz read them.
        yield "json" if name.endswith(".json") else "msgpack", name, frame[4:]
        if frame[4] in HANDSHAKES:
            yield "handshake", name, frame
            yield "registration", name, frame
        else:
            step = RAW_TO_PROXY if 0x20 <= frame[4] < 0x40 else RAW_TO_AGENT
            options = 0 if name.endswith(".json") else 1 if name.endswith(".extended") else 3
            yield "session", "raw-" + name, bytes([options] + MOVE) + raw(step, frame)
    yield "frame", "all", stream
    for number, message in enumerate(PROTOBUF):
        yield "protobuf", str(number), message
    for options in range(8):
        for end, steps in ENDS.items():
            yield "session", f"{end}-{options}", bytes([options] + MOVE + MOVE + EXCHANGE + steps)
    for number, path in enumerate(PATHS):
        yield "path_readings", str(number), bytes(range(number, number + 8)) + path
    for number, answer in enumerate(DNS):
        yield "dns_answer", str(number), answer
    for number, header in enumerate(PROXY_HEADERS):
        yield "proxy_header", f"{number}", header
    for number, value in enumerate(FORWARDED):
        yield "forwarded", f"{number}", value
    for name, sent in WEBSOCKET.items():
        yield "websocket", name, sent
    for name, sent in HTTP2.items():
        yield "http2", name, sent
    for name, sent in HTTP2_UPSTREAM.items():
        yield "http2_upstream", name, sent
    for number, head in enumerate(HEADS):
        yield "head", str(number), head
    for file in sorted((ROOT / "examples").rglob("*.kdl")):
        yield "kdl", file.name, file.read_bytes()
    for file in sorted((ROOT / "tests" / "guard" / "corpus" / "own").glob("*.jsonl")):
        for number, line in enumerate(file.read_text().splitlines()):
            yield "guard", f"{file.stem}-{number}", json.loads(line)["text"].encode()
    for number, usage in enumerate(USAGE):
        yield "guard", f"usage-{number}", usage


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for target, name, data in seeds():
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
