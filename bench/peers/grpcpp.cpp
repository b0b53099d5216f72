/// gRPC's own C++ library as a peer: an agent that allows and a client that asks it, both of the protocol's
/// description.
///   picket_grpcpp serve IP:PORT                                         for ever
///   picket_grpcpp ask IP:PORT HEAD --inflight N --seconds S             with the output of `picket bench`
///
/// Both use the synchronous API, one stream and one thread; HEAD is the event that is sent again and again, under an id
/// of its own each time.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <agent_v2.grpc.pb.h>
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

namespace {

using namespace std::chrono_literals;
using namespace zentinel::agent::v2;
using Clock = std::chrono::steady_clock;

constexpr auto warm_up = 100ms;

class Agent final : public AgentServiceV2::Service {
  grpc::Status ProcessStream(grpc::ServerContext*,
                             grpc::ServerReaderWriter<AgentToProxy, ProxyToAgent>* stream) override {
    for (ProxyToAgent message; stream->Read(&message);) {
      AgentToProxy reply;
      if (message.has_handshake()) {
        reply.mutable_handshake()->set_protocol_version(2);
        reply.mutable_handshake()->set_success(true);
      } else if (message.has_request_headers()) {
        AgentResponse& response = *reply.mutable_response();
        response.set_correlation_id(message.request_headers().metadata().correlation_id());
        response.mutable_allow();
      } else {
        continue;
      }
      if (!stream->Write(reply)) break;
    }
    return grpc::Status::OK;
  }
};

int serve(const std::string& address) {
  Agent agent;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&agent);
  builder.BuildAndStart()->Wait();
  return 0;
}

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "picket_grpcpp: %s\n", why);
  std::exit(1);
}

double cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

/// Keeps so many questions unanswered on one stream.
class Client {
 public:
  Client(AgentServiceV2::Stub& agent, ProxyToAgent head)
      : head_(std::move(head)), stream_(agent.ProcessStream(&context_)) {
    ProxyToAgent hello;
    hello.mutable_handshake()->add_supported_versions(2);
    hello.mutable_handshake()->set_proxy_id("bench");
    hello.mutable_handshake()->set_config_json("{}");
    AgentToProxy said;
    if (!stream_->Write(hello) || !stream_->Read(&said) || !said.handshake().success()) fail("no handshake");
  }

  void ask() {
    const std::string id = "decision-" + std::to_string(next_++);
    head_.mutable_request_headers()->mutable_metadata()->set_correlation_id(id);
    asked_.emplace(id, Clock::now());
    if (!stream_->Write(head_)) fail("the stream ended");
  }

  /// How long the next answer took, in nanoseconds.
  std::int64_t hear() {
    AgentToProxy said;
    if (!stream_->Read(&said)) fail("the stream ended");
    const auto asked = asked_.find(said.response().correlation_id());
    if (asked == asked_.end() || !said.response().has_allow()) fail("an answer that nobody waits for");
    const auto took = Clock::now() - asked->second;
    asked_.erase(asked);
    return std::chrono::nanoseconds{took}.count();
  }

 private:
  ProxyToAgent head_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<ProxyToAgent, AgentToProxy>> stream_;
  std::unordered_map<std::string, Clock::time_point> asked_;
  std::uint64_t next_ = 0;
};

void report(std::vector<std::int64_t> times, std::chrono::duration<double> measured, double cpu) {
  if (times.empty()) fail("nothing was answered in time");
  std::ranges::sort(times);
  const auto quantile_us = [&](double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(static_cast<double>(times.size()) * share));
    return static_cast<double>(times[std::clamp<std::size_t>(rank, 1, times.size()) - 1]) / 1e3;
  };
  const auto count = static_cast<double>(times.size());
  std::printf(
      R"({"decisions_per_s": %.1f, "p50_us": %.3f, "p99_us": %.3f, "mib_per_s": 0, "cpu_us_per_decision": %.4f})"
      "\n",
      count / measured.count(), quantile_us(0.5), quantile_us(0.99), cpu / count);
}

int ask(const std::string& address, const std::string& head_file, int in_flight, double seconds) {
  std::ifstream file{head_file, std::ios::binary};
  ProxyToAgent head;
  if (!head.ParseFromIstream(&file) || !head.has_request_headers()) fail("HEAD is no event of a request's head");
  const auto agent = AgentServiceV2::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  Client client{*agent, std::move(head)};
  for (int i = 0; i < in_flight; ++i) client.ask();
  for (const auto end = Clock::now() + warm_up; Clock::now() < end; client.ask()) client.hear();
  std::vector<std::int64_t> times;
  times.reserve(1 << 20);
  const double cpu_before = cpu_us();
  const auto begin = Clock::now();
  for (const std::chrono::duration<double> wanted{seconds}; Clock::now() - begin < wanted; client.ask())
    times.push_back(client.hear());
  report(std::move(times), Clock::now() - begin, cpu_us() - cpu_before);
  std::fflush(stdout);
  std::quick_exit(0);  // what is in flight is nobody's
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words{argv + 1, argv + argc};
  if (words.size() == 2 && words[0] == "serve") return serve(words[1]);
  if (words.size() == 7 && words[0] == "ask" && words[3] == "--inflight" && words[5] == "--seconds")
    return ask(words[1], words[2], std::atoi(words[4].c_str()), std::atof(words[6].c_str()));
  std::fputs("usage: picket_grpcpp serve IP:PORT | ask IP:PORT HEAD --inflight N --seconds S\n", stderr);
  return 2;
}
