// Gives every answer the headers that browsers protect their users by, and takes away what tells attackers about the
// upstream. What an application says itself in Content-Security-Policy stays.
// Run it: harden_responses --listen unix:/tmp/harden.sock
#include "picket/agent/serve.hpp"

using namespace picket::agent;

class HardenResponses final : public Handler {
 public:
  Info info() const override { return {.id = "harden-responses", .version = "1"}; }

  Reply on_response_headers(const ResponseHeaders& response, Context&) override {
    Allow answer = Decision::allow();
    answer.set_response_header("strict-transport-security", "max-age=31536000; includeSubDomains")
        .set_response_header("x-content-type-options", "nosniff")
        .set_response_header("x-frame-options", "DENY")
        .set_response_header("referrer-policy", "strict-origin-when-cross-origin");
    if (!response.headers.find("content-security-policy"))
      answer.set_response_header("content-security-policy", "default-src 'self'");
    for (const char* name : {"server", "x-powered-by", "x-aspnet-version"}) answer.remove_response_header(name);
    return answer;
  }
};

int main(int argc, char** argv) { return serve<HardenResponses>(argc, argv); }
