"""A client in Python on gRPC's own library: watch.py ADDRESS. Watches an agent's health and prints each status as it comes."""

import sys

import grpc

WATCH = "/grpc.health.v1.Health/Watch"


def main() -> None:
    channel = grpc.insecure_channel(sys.argv[1])
    watch = channel.unary_stream(WATCH, request_serializer=bytes, response_deserializer=bytes)
    try:
        for status in watch(b"", timeout=120):
            print("health", status[1], flush=True)  # field 1: 1 is SERVING, 2 NOT_SERVING
    except grpc.RpcError as error:
        print("ended", error.code().name, flush=True)


main()
