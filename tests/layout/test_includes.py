"""The order of the modules: this tree keeps it, and the checker sees who does not."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def check(root: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, ROOT / "tools" / "check-includes", root], capture_output=True, text=True, check=False
    )


class Includes(unittest.TestCase):
    def test_this_tree_keeps_the_order(self):
        outcome = check(ROOT)
        self.assertEqual((outcome.returncode, outcome.stdout), (0, ""))

    def test_what_goes_against_the_order_is_refused_with_its_place(self):
        shapes = {
            "picket/wire/a.cpp": '#include "picket/session/proxy_session.hpp"\n',
            "picket/wire/b.cpp": "#include <boost/asio/io_context.hpp>\n",
            "picket/transport/q.hpp": "#include <boost/asio/io_context.hpp>\n",
            "apps/cli/r.cpp": "#include <boost/asio/io_context.hpp>\n",
            "picket/transport/s.cpp": "auto size = ::recv(socket, into, size, 0);\n",
            "picket/session/c.cpp": "#include <thread>\n",
            "picket/session/d.cpp": "auto now = std::chrono::steady_clock::now();\n",
            "picket/pool/e.cpp": '#include "picket/agent/handler.hpp"\n',
            "picket/pool/f.cpp": '#include "picket/wire/internal/base64.hpp"\n',
            "picket/base/g.cpp": '#include "picket/metrics/counter.hpp"\n',
            "picket/http/h.cpp": '#include "picket/wire/messages.hpp"\n',
            "picket/kdl/i.cpp": "#include <mutex>\n",
            "picket/inspection/n.cpp": '#include "apps/gateway/config/model.hpp"\n',
            "picket/inspection/o.cpp": "#include <spdlog/spdlog.h>\n",
            "picket/pool/p.cpp": '#include "picket/inspection/chain.hpp"\n',
            "apps/gateway/config/j.cpp": '#include "apps/gateway/upstream/pool.hpp"\n',
            "apps/gateway/upstream/k.cpp": '#include "picket/pool/agent.hpp"\n',
            "apps/cli/l.cpp": '#include "apps/waf/handler.hpp"\n',
            "bench/m.cpp": '#include "apps/gateway/serving/shard.hpp"\n',
            "apps/cli/recording/t.cpp": '#include "picket/transport/worker.hpp"\n',
            "apps/cli/conform/u.cpp": '#include "picket/session/proxy_session.hpp"\n',
            "picket/base/v_test.cpp": '#include "apps/gateway/config/model.hpp"\n',
            "picket/wire/testing/w.hpp": '#include "picket/pool/agent.hpp"\n',
            "picket/session/x_test.cpp": '#include "bench/payloads.hpp"\n',
            "picket/metrics/y_bench.cpp": '#include "picket/wire/messages.hpp"\n',
            "tests/misuse/z.cpp": '#include "apps/waf/handler.hpp"\n',
            "interop/cpp/a.cpp": '#include "picket/inspection/chain.hpp"\n',
            "apps/gateway/serving/c.cpp": 'spdlog::warn("to whom?");\n',
            "apps/gateway/logs/d_test.cpp": "spdlog::set_default_logger(mine);\n",
            "picket/transport/dns/e.cpp": '#include "picket/wire/messages.hpp"\n',
            "picket/transport/tls/f.hpp": '#include "picket/transport/dns/resolver.hpp"\n',
            "picket/transport/grpc/g.cpp": '#include "picket/transport/tls/layer.hpp"\n',
            "picket/session/dialects/h.cpp": "#include <mutex>\n",
            "apps/cli/conform/agents/i.cpp": '#include "apps/cli/conform/proxies/proxy.hpp"\n',
            "tests/chaos/b.cpp": '#include "picket/wire/internal/base64.hpp"\n',
        }
        for name, text in shapes.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder, name)
                file.parent.mkdir(parents=True)
                file.write_text("#pragma once\n" + text)
                outcome = check(pathlib.Path(folder))
                self.assertEqual(outcome.returncode, 1)
                self.assertIn(f"{name}:2:", outcome.stdout)

    def test_headers_that_include_each_other_are_refused_with_their_circle(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
                file = pathlib.Path(folder, f"picket/pool/{name}.hpp")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f'#pragma once\n#include "picket/pool/{other}.hpp"\n')
            outcome = check(pathlib.Path(folder))
            self.assertEqual(outcome.returncode, 1)
            self.assertRegex(outcome.stdout, r"^(picket/pool/\w\.hpp):1: a circle of headers: \1 includes \S+ includes \S+ includes \1$")

    def test_tests_and_benchmarks_may_use_what_their_table_has_and_their_module_may_not(self):
        wanted = {
            "picket/session/a{}.cpp": ("_test", '#include "picket/transport/link.hpp"\n'),
            "picket/metrics/b{}.cpp": ("_bench", '#include "bench/payloads.hpp"\n'),
        }
        for name, (ending, text) in wanted.items():
            for is_allowed in (True, False):
                with self.subTest(name, is_allowed=is_allowed), tempfile.TemporaryDirectory() as folder:
                    file = pathlib.Path(folder, name.format(ending if is_allowed else ""))
                    file.parent.mkdir(parents=True)
                    file.write_text(text)
                    self.assertEqual(check(pathlib.Path(folder)).returncode, 0 if is_allowed else 1)

    def test_a_folder_that_no_module_holds_is_named(self):
        for name in ("picket/novelty/a.cpp", "tests/novelty/a.cpp"):
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder, name)
                file.parent.mkdir(parents=True)
                file.write_text("int a;\n")
                self.assertIn(f"{name}:1: no module", check(pathlib.Path(folder)).stdout)


class WhatUsersInclude(unittest.TestCase):
    def test_no_public_header_brings_asio(self):
        """What a program includes that asks agents, is one, or uses what is below both."""
        headers = [path.relative_to(ROOT) for module in ("transport", "pool", "inspection", "agent")
                   for path in (ROOT / "picket" / module).glob("*.hpp") if path.name != "testing.hpp"]
        self.assertGreater(len(headers), 30)
        program = "".join(f'#include "{header}"\n' for header in sorted(headers))
        program += "#ifdef BOOST_ASIO_VERSION\n#error Asio\n#endif\n"
        for compiler in ("clang++-19", "g++"):
            with self.subTest(compiler=compiler):
                outcome = subprocess.run([compiler, "-std=c++23", "-M", f"-I{ROOT}", "-x", "c++", "-"], input=program,
                                         capture_output=True, text=True, timeout=120, check=False)
                self.assertEqual(outcome.returncode, 0, outcome.stderr)
                self.assertEqual(re.findall(r"\S*boost/asio\S*", outcome.stdout), [])

    def test_the_header_of_the_pool_brings_neither_sessions_nor_links_nor_sockets(self):
        program = '#include "picket/pool/agent_pool.hpp"\n'
        for compiler in ("clang++-19", "g++"):
            with self.subTest(compiler=compiler):
                outcome = subprocess.run([compiler, "-std=c++23", "-M", f"-I{ROOT}", "-x", "c++", "-"], input=program,
                                         capture_output=True, text=True, timeout=120, check=True)
                brought = re.findall(r"\S*(?:_session\.hpp|/pool/agent\.hpp|/link\.hpp|sys/socket\.h|netinet/)\S*", outcome.stdout)
                self.assertEqual(brought, [])

    def test_the_guide_names_the_public_headers_that_bring_boost(self):
        headers = {path.relative_to(ROOT).as_posix() for path in (ROOT / "picket").glob("**/*.hpp")
                   if not {"internal", "testing"} & set(path.parts) and "#include <boost/" in path.read_text()}
        guide = (ROOT / "docs" / "library.md").read_text().partition("## What it needs")[2]
        self.assertEqual(set(re.findall(r"`(picket/[\w/]+\.hpp)`", guide)), headers)

    def test_the_headers_of_the_agent_sdk_bring_no_event_loop_no_coroutine_and_no_socket(self):
        headers = sorted(path for path in (ROOT / "picket" / "agent").glob("**/*.hpp")
                         if not {"internal", "testing"} & set(path.relative_to(ROOT).parts))
        self.assertGreater(len(headers), 8)
        for compiler in ("clang++-19", "g++"):
            for header in headers:
                with self.subTest(compiler=compiler, header=header.name):
                    outcome = subprocess.run(
                        [compiler, "-std=c++23", "-M", f"-I{ROOT}", "-x", "c++", "-include", header, "/dev/null"],
                        capture_output=True, text=True, timeout=120, check=True,
                    )
                    brought = re.findall(r"\S*(?:boost/|/coroutine\b|sys/socket\.h|netinet/)\S*", outcome.stdout, re.M)
                    self.assertEqual(brought, [])


if __name__ == "__main__":
    unittest.main()
