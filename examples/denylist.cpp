// A whole agent: answers 403 to clients on its list. Run it: denylist --listen unix:/tmp/denylist.sock
#include <set>

#include "picket/agent/serve.hpp"

using namespace picket::agent;

class Denylist : public Handler {
 public:
  Info info() const override { return {.id = "denylist", .version = "1"}; }

  Reply on_request_headers(const RequestHeaders& request, Context&) override {
    if (blocked_.contains(request.metadata.client_ip)) return Decision::block(403).rule("denylist");
    return Decision::allow();
  }

 private:
  std::set<std::string, std::less<>> blocked_{"192.0.2.1", "198.51.100.7"};
};

int main(int argc, char** argv) { return serve<Denylist>(argc, argv); }
