/// The peer's agent for Envoy: an ext_proc server that lets every request and every answer pass.
///   picket_ext_proc PATH      serves a Unix socket, for ever
///
/// It answers with constant bytes and reads one byte of each question, the tag of its first field, so that it needs
/// none of Envoy's messages: less work than any real agent has.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

namespace {

using namespace std::string_view_literals;

// ProcessingRequest: 2 request_headers, 3 response_headers, 4 request_body, 5 response_body. ProcessingResponse: 1
// request_headers, 2 response_headers, 3 request_body, 4 response_body; an empty message in it changes nothing.
constexpr std::uint8_t headers_asked = 0x12;
constexpr std::uint8_t answer_headers_asked = 0x1a;
constexpr std::uint8_t body_asked = 0x22;
constexpr std::uint8_t answer_body_asked = 0x2a;
constexpr auto headers_pass = "\x0a\0"sv;
constexpr auto answer_headers_pass = "\x12\0"sv;
constexpr auto body_passes = "\x1a\0"sv;
constexpr auto answer_body_passes = "\x22\0"sv;

grpc::ByteBuffer buffer_of(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return {&slice, 1};
}

std::uint8_t first_byte(const grpc::ByteBuffer& message) {
  std::vector<grpc::Slice> slices;
  return message.Dump(&slices).ok() && !slices.empty() && slices[0].size() > 0 ? *slices[0].begin() : 0;
}

/// One request of a client of Envoy's: questions and answers in turn.
class Stream final : public grpc::ServerGenericBidiReactor {
 public:
  Stream() { StartRead(&question_); }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    switch (first_byte(question_)) {
      case headers_asked: return answer(headers_pass);
      case answer_headers_asked: return answer(answer_headers_pass);
      case body_asked: return answer(body_passes);
      case answer_body_asked: return answer(answer_body_passes);
      default: return Finish({grpc::StatusCode::UNIMPLEMENTED, "neither headers nor a body"});
    }
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    StartRead(&question_);
  }
  void OnDone() override { delete this; }

 private:
  void answer(std::string_view bytes) {
    answer_ = buffer_of(bytes);
    StartWrite(&answer_);
  }

  grpc::ByteBuffer question_;
  grpc::ByteBuffer answer_;
};

class Service final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override { return new Stream; }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: picket_ext_proc PATH\n", stderr);
    return 2;
  }
  Service service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + std::string(argv[1]), grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) {
    std::fprintf(stderr, "picket_ext_proc: cannot serve %s\n", argv[1]);
    return 1;
  }
  server->Wait();
}
