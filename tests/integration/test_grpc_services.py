"""Services of gRPC behind the gateway, with gRPC's own library (Debian's python3-grpcio) as their client and server."""

import sys
import threading
import time
import unittest
from concurrent import futures

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's python3-grpcio, whichever interpreter this is

import grpc  # noqa: E402
from processes import wait  # noqa: E402
from stage import Asked, Gateway, StageTest  # noqa: E402
from wire import allow, block  # noqa: E402

LIMITS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
PATH = "/test.Service/"


class Service(grpc.GenericRpcHandler):
    """Methods by name; messages are bytes as they are."""

    def __init__(self, methods: dict):
        self.methods = methods

    def service(self, details: grpc.HandlerCallDetails):
        return self.methods.get(details.method.removeprefix(PATH).replace("/grpc.health.v1.Health/", "health_"))


class GrpcServices(StageTest):
    def serve(self, **methods) -> str:
        """An insecure server of these methods; its address."""
        server = grpc.server(futures.ThreadPoolExecutor(16), options=LIMITS)
        server.add_generic_rpc_handlers((Service(methods),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.server = server
        self.addCleanup(lambda: server.stop(None).wait())
        return f"127.0.0.1:{port}"

    def play(self, address: str, agents=(), keys: str = "") -> Gateway:
        gateway = self.stage.unstarted()
        listener = f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "h2c" }}'
        gateway.write({"app": [address]}, agents, listeners=listener, upstream_keys=f"http-version {{ min-version 2 }}; {keys}")
        return gateway.start()

    def channel(self, gateway: Gateway) -> grpc.Channel:
        channel = grpc.insecure_channel(f"127.0.0.1:{gateway.port}", options=LIMITS)
        self.addCleanup(channel.close)
        return channel

    def unary(self, gateway: Gateway, request: bytes = b"hello", **how):
        return self.channel(gateway).unary_unary(f"{PATH}unary")(request, timeout=how.pop("timeout", 60), **how)

    def refused(self, call) -> grpc.RpcError:
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        return caught.exception

    # ---- the four kinds of call

    def test_a_call_with_one_message_each_way(self):
        def echo(request, context):
            seen.update(dict(context.invocation_metadata()))
            seen["left"] = context.time_remaining()
            context.send_initial_metadata((("x-head", "h"),))
            context.set_trailing_metadata((("x-end", "e"),))
            return request.upper()

        seen = {}
        gateway = self.play(self.serve(unary=grpc.unary_unary_rpc_method_handler(echo)))
        answer, call = self.channel(gateway).unary_unary(f"{PATH}unary").with_call(b"abc", metadata=(("x-a", "1"),), timeout=60)
        self.assertEqual(answer, b"ABC")
        self.assertEqual(dict(call.initial_metadata())["x-head"], "h")
        self.assertEqual(dict(call.trailing_metadata())["x-end"], "e")
        self.assertEqual(seen["x-a"], "1")
        self.assertLess(seen["left"], 61)  # the deadline went on

    def test_many_messages_one_way_or_the_other(self):
        def count(request, context):
            yield from (b"%d" % i for i in range(int(request)))

        def join(requests, context):
            return b",".join(requests)

        address = self.serve(
            down=grpc.unary_stream_rpc_method_handler(count), up=grpc.stream_unary_rpc_method_handler(join)
        )
        channel = self.channel(self.play(address))
        self.assertEqual(list(channel.unary_stream(f"{PATH}down")(b"500", timeout=60)), [b"%d" % i for i in range(500)])
        self.assertEqual(channel.stream_unary(f"{PATH}up")(iter([b"a", b"b", b"c"]), timeout=60), b"a,b,c")

    def test_a_conversation_in_which_each_waits_for_the_other(self):
        def talk(requests, context):
            context.send_initial_metadata(())  # before anything was asked
            for request in requests:
                yield request + b"!"

        gateway = self.play(self.serve(talk=grpc.stream_stream_rpc_method_handler(talk)))
        turn = threading.Semaphore(0)

        def requests():
            for i in range(50):
                yield b"%d" % i
                turn.acquire()

        heard = []
        for answer in self.channel(gateway).stream_stream(f"{PATH}talk")(requests(), timeout=60):
            heard.append(answer)
            turn.release()
        self.assertEqual(heard, [b"%d!" % i for i in range(50)])

    def test_calls_in_any_number_that_end_without_a_message_are_no_flood(self):
        """gRPC's library raises the windows of stream and connection by a few bytes with each call."""

        def refuse(request, context):
            context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")

        gateway = self.play(self.serve(unary=grpc.unary_unary_rpc_method_handler(refuse)))
        ask = self.channel(gateway).unary_unary(f"{PATH}unary")
        calls = [ask.future(b"x" * 100, timeout=120) for _ in range(600)]
        self.assertEqual({call.code() for call in calls}, {grpc.StatusCode.NOT_FOUND})
        self.assertEqual(gateway.metric("picket_http2_connections_total"), 1)

    def test_a_flood_of_small_messages_both_ways_is_none(self):
        gateway = self.play(self.serve(echo=grpc.stream_stream_rpc_method_handler(lambda requests, context: requests)))
        echo = self.channel(gateway).stream_stream(f"{PATH}echo")
        answers = echo(iter([b"x" * 100] * 3_000), timeout=120)
        self.assertEqual(next(answers), b"x" * 100)
        time.sleep(0.5)  # what comes meanwhile is given back at once
        self.assertEqual(sum(1 for _ in answers), 2_999)
        self.assertEqual(gateway.metric("picket_http2_connections_total"), 1)

    def test_large_messages_both_ways(self):
        gateway = self.play(self.serve(unary=grpc.unary_unary_rpc_method_handler(lambda request, context: request)))
        large = bytes(range(256)) * 16 * 1024  # 4 MiB
        self.assertTrue(self.unary(gateway, large) == large)

    def test_many_calls_at_once_share_a_connection(self):
        gateway = self.play(self.serve(unary=grpc.unary_unary_rpc_method_handler(lambda request, context: request)))
        self.unary(gateway)
        call = self.channel(gateway).unary_unary(f"{PATH}unary")
        pending = [call.future(b"%d" % i, timeout=60) for i in range(80)]
        self.assertEqual([each.result() for each in pending], [b"%d" % i for i in range(80)])
        self.assertEqual(gateway.metric("picket_upstream_connects_total", upstream="app"), 1)

    # ---- ends that are none

    def test_an_error_comes_with_its_words_and_details(self):
        def fail(request, context):
            context.set_trailing_metadata((("details-bin", b"\x00\xff"),))
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now: 100%")

        gateway = self.play(self.serve(unary=grpc.unary_unary_rpc_method_handler(fail)))
        error = self.refused(lambda: self.unary(gateway))
        self.assertEqual((error.code(), error.details()), (grpc.StatusCode.FAILED_PRECONDITION, "not now: 100%"))
        self.assertEqual(dict(error.trailing_metadata())["details-bin"], b"\x00\xff")
        self.assertEqual(self.refused(lambda: self.channel(gateway).unary_unary(f"{PATH}none")(b"", timeout=60)).code(),
                         grpc.StatusCode.UNIMPLEMENTED)

    def test_a_client_that_cancels_is_heard_of_at_the_service(self):
        cancelled, begun = threading.Event(), threading.Event()

        def wait_for_it(request, context):
            context.add_callback(cancelled.set)
            begun.set()
            yield b"first"
            cancelled.wait(60)

        gateway = self.play(self.serve(down=grpc.unary_stream_rpc_method_handler(wait_for_it)))
        call = self.channel(gateway).unary_stream(f"{PATH}down")(b"", timeout=60)
        self.assertEqual(next(call), b"first")
        call.cancel()
        self.assertTrue(cancelled.wait(60))

    def test_a_deadline_ends_a_call_on_both_sides(self):
        ended = threading.Event()

        def sleep(request, context):
            context.add_callback(ended.set)
            ended.wait(60)
            return b""

        gateway = self.play(self.serve(unary=grpc.unary_unary_rpc_method_handler(sleep)))
        self.assertEqual(self.refused(lambda: self.unary(gateway, timeout=1)).code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertTrue(ended.wait(60))

    def test_is_checked_by_what_it_says_of_itself(self):
        says = [b"\x08\x01"]  # SERVING
        address = self.serve(health_Check=grpc.unary_unary_rpc_method_handler(lambda request, context: says[0]))
        gateway = self.play(address, keys='health-check { type "grpc"; interval-secs 1; healthy-threshold 1; unhealthy-threshold 1 }')
        self.assertEqual(gateway.metric("picket_upstream_target_healthy", upstream="app"), 1)
        says[0] = b"\x08\x02"
        gateway.expect_metric(0, "picket_upstream_target_healthy", upstream="app")
        gateway.said("the service says that it is not serving")
        says[0] = b"\x08\x01"
        gateway.expect_metric(1, "picket_upstream_target_healthy", upstream="app")

    def test_that_knows_no_checks_is_found_down(self):
        gateway = self.play(self.serve(), keys='health-check { type "grpc"; interval-secs 1; unhealthy-threshold 1 }')
        gateway.expect_metric(0, "picket_upstream_target_healthy", upstream="app")
        gateway.said("grpc-status 12 in place of 0")

    # ---- the gateway's own answers

    def test_an_agent_that_blocks_denies_permission(self):
        agent = self.stage.agent(request_headers=lambda event: block(403, body="not you") if event.body["uri"].endswith("no") else allow())
        address = self.serve(unary=grpc.unary_unary_rpc_method_handler(lambda request, context: request))
        gateway = self.play(address, [Asked("a", agent.path)])
        self.assertEqual(self.unary(gateway), b"hello")
        error = self.refused(lambda: self.channel(gateway).unary_unary(f"{PATH}no")(b"", timeout=60))
        self.assertEqual((error.code(), error.details()), (grpc.StatusCode.PERMISSION_DENIED, "not you"))
        self.assertEqual(gateway.access(f"{PATH}no")[0]["status"], 403)

    def test_a_service_that_is_gone_is_unavailable(self):
        gateway = self.play(self.serve(unary=grpc.unary_unary_rpc_method_handler(lambda request, context: request)))
        self.assertEqual(self.unary(gateway), b"hello")
        self.server.stop(None).wait()
        error = self.refused(lambda: self.unary(gateway))
        self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE)

    def test_a_service_that_restarts_is_asked_again(self):
        methods = {"unary": grpc.unary_unary_rpc_method_handler(lambda request, context: request)}
        address = self.serve(**methods)
        gateway = self.play(address)
        self.assertEqual(self.unary(gateway), b"hello")
        self.server.stop(None).wait()
        server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((Service(methods),))
        wait("the port is free again", lambda: server.add_insecure_port(address))
        server.start()
        self.addCleanup(lambda: server.stop(None).wait())
        self.assertEqual(self.unary(gateway), b"hello")


if __name__ == "__main__":
    unittest.main()
