#!/usr/bin/env python3
"""Tests of ftw.py: a runner that misreads the tests, or judges mildly, would prove nothing."""

import base64
import tempfile
import unittest
from pathlib import Path

from ftw import Seen, judge, load, request_bytes


class RequestBytes(unittest.TestCase):
    def test_defaults_make_a_plain_get(self):
        self.assertEqual(request_bytes({"headers": {"Host": "a"}}), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    def test_a_body_gets_type_and_length_and_a_form_is_encoded(self):
        self.assertEqual(
            request_bytes({"method": "POST", "data": "a=b c&d=<"}),
            b"POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\na=b+c&d=%3C")

    def test_an_encoded_form_another_type_and_a_given_length_stay(self):
        self.assertTrue(request_bytes({"data": "a=%3C"}).endswith(b"\r\n\r\na=%3C"))
        request = request_bytes({"data": '{"a":1}', "headers": {"Content-Type": "application/json", "Content-Length": 3}})
        self.assertTrue(request.endswith(b'Content-Length: 3\r\n\r\n{"a":1}'))

    def test_stop_magic_sends_what_is_written(self):
        self.assertEqual(request_bytes({"data": "a=<", "stop_magic": True}), b"GET / HTTP/1.1\r\n\r\na=<")

    def test_lists_are_lines_and_ready_requests_go_as_they_are(self):
        self.assertTrue(request_bytes({"data": ["one", "two"], "stop_magic": True}).endswith(b"one\r\ntwo"))
        self.assertEqual(request_bytes({"encoded_request": base64.b64encode(b"\x00\xff").decode()}), b"\x00\xff")
        self.assertEqual(request_bytes({"raw_request": "X\n"}), b"X\n")

    def test_text_is_utf_8_and_the_length_counts_bytes(self):
        self.assertTrue(request_bytes({"data": "\xe4", "headers": {"Content-Type": "text/plain"}})
                        .endswith(b"Content-Length: 2\r\n\r\n\xc3\xa4"))


class Judge(unittest.TestCase):
    def test_every_expectation_must_be_met(self):
        line = '... [id "942100"] ...'
        for expected, seen, is_met in [
            ({"log_contains": 'id "942100"'}, Seen(200, line), True),
            ({"log_contains": 'id "942100"'}, Seen(200, ""), False),
            ({"log_contains": 'id "942100"'}, Seen(None, line, "closed"), False),
            ({"no_log_contains": 'id "942100"'}, Seen(200, line), False),
            ({"no_log_contains": 'id "942100"'}, Seen(200, 'id "1"'), True),
            ({"status": 403}, Seen(403), True),
            ({"status": [400, 403]}, Seen(403), True),
            ({"status": [400, 403]}, Seen(200), False),
            ({"status": 200, "no_log_contains": "x"}, Seen(200, "x"), False),
            ({"status": 400, "log_contains": "x"}, Seen(200, "x"), False),
            ({"expect_error": True}, Seen(None, error="closed"), True),
            ({"expect_error": True}, Seen(400), False),
        ]:
            with self.subTest(expected=expected, seen=seen):
                self.assertEqual(judge(expected, seen) is None, is_met)


class Load(unittest.TestCase):
    def test_disabled_files_are_counted_and_titles_made_unique(self):
        test = "{test_title: 1-1, stages: [{stage: {input: {}, output: {status: 200}}}]}"
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "a.yaml").write_text(f"meta: {{enabled: true}}\ntests: [{test}, {test}]\n")
            Path(folder, "b.yaml").write_text(f"meta: {{enabled: false}}\ntests: [{test}]\n")
            suite = load(Path(folder))
        self.assertEqual([found.title for found in suite.tests], ["1-1", "1-1#2"])
        self.assertEqual(suite.disabled, 1)


if __name__ == "__main__":
    unittest.main()
