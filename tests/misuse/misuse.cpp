// clang-format off: each mark stands on the line that it speaks of.
// What must not compile. Each line that ends with `wrong: TEXT` is an error in which the compiler says TEXT; no other line
// is one. test_misuse.py compiles this file and compares.
#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "picket/agent/handler_factory.hpp"
#include "picket/pool/agent_pool.hpp"

namespace picket {
namespace {

// ---- outcomes: none is dropped, and no view is made of what is about to go

base::Status status();
base::Result<int> result();
std::vector<base::Header> fields();

void outcomes() {
  status();                                                // wrong: ignoring return value
  result();                                                // wrong: ignoring return value
  base::fail(base::ErrorKind::io, "x");                    // wrong: ignoring return value
  const int number = result();                             // wrong: no viable conversion
  const base::Headers gone{fields()};                      // wrong: deleted
  const base::Headers of_array{std::array<base::Header, 1>{}}; // wrong: deleted
  const auto kept = fields();
  const base::Headers headers{kept};
  const base::Headers copied{base::Headers{headers}};
  const base::Headers viewed{std::span{kept}};
  (void)number, (void)gone, (void)of_array, (void)copied, (void)viewed;
}

// ---- the pool: what is asked is awaited, what is added is looked at

void asking(pool::AgentPool& pool, pool::Agent& agent, pool::Exchange& exchange, wire::RequestHeaders& head) {
  pool.add_agent({});                                      // wrong: ignoring return value
  pool.ready(agent, base::Deadline{});                     // wrong: ignoring return value
  exchange.request_headers(head);                          // wrong: ignoring return value
  pool::Agent& added = pool.add_agent({});                 // wrong: cannot bind
  pool::Exchange copied = exchange;                        // wrong: deleted
  const base::CorrelationId& over = pool.worker().ids().mint();  // wrong: deleted
  (void)added, (void)copied, (void)over;
}

}  // namespace
}  // namespace picket

namespace picket::agent {
namespace {

// ---- decisions: no call that would be ignored

void decisions(int status) {
  (void)Decision::allow().body("x");                             // wrong: no member named 'body'
  (void)Decision::allow().header("a", "b");                      // wrong: no member named 'header'
  (void)Decision::block(403).replace_body("x");                  // wrong: no member named 'replace_body'
  (void)Decision::block(403).needs_more();                       // wrong: no member named 'needs_more'
  (void)Decision::block(403).set_request_header("a", "b");       // wrong: no member named 'set_request_header'
  (void)Decision::block(403).route("a", "b");                    // wrong: no member named 'route'
  (void)Decision::redirect("/").body("x");                       // wrong: no member named 'body'
  (void)Decision::redirect("/").set_request_header("a", "b");    // wrong: no member named 'set_request_header'
  (void)Decision::challenge("basic").body("x");                  // wrong: no member named 'body'
  (void)Decision::drop_frame().set_response_header("a", "b");    // wrong: no member named 'set_response_header'
  (void)Decision::drop_frame().replace_body("x");                // wrong: no member named 'replace_body'
  Decision later = Decision::block(403);
  (void)later.body("x");                                         // wrong: no member named 'body'
  (void)Decision::redirect("/", 200);                            // wrong: not a constant expression
  (void)Decision::redirect("/", 304);                            // wrong: not a constant expression
  (void)Decision::block(99);                                     // wrong: not a constant expression
  (void)Decision::block(600);                                    // wrong: not a constant expression
  (void)Decision::block(status);                                 // wrong: not a constant expression
  Decision::block(403);                                          // wrong: ignoring return value
  (void)Allow{};                                                 // wrong: private constructor
}

void decisions_that_are_right(int status) {
  Block block = Decision::block(403);
  block.body("no").header("a", "b").tag("t");
  Decision decision = std::move(block).rule("1");
  decision.tag("u");
  const Reply reply = Decision::redirect("/", 308).set_response_header("a", "b");
  (void)Decision::block(BlockStatus::of(status).value_or(BlockStatus{403}));
  (void)reply;
}

// ---- states: their types are their handler's

struct Count {
  int events = 0;
};
struct Stateless : Handler {
  Info info() const override { return {.id = "a"}; }
  Reply on_request_headers(const RequestHeaders&, Context& context) override {
    (void)context.state();  // wrong: no member named 'state'
    return Decision::allow();
  }
};
struct Stateful : HandlerWith<Count> {
  Info info() const override { return {.id = "a"}; }
  Reply on_request_headers(const RequestHeaders&, Context& context) override {
    const std::string& text = context.state();  // wrong: no viable conversion
    (void)context.state<Count>();               // wrong: does not name a template
    (void)context.connection();                 // wrong: invalid reference to function 'connection'
    ++context.state().events;
    return Decision::allow().tag(text);
  }
};
struct Other : HandlerWith<int> {
  Info info() const override { return {.id = "a"}; }
  Reply on_request_headers(const RequestHeaders& head, Context& context) override {
    return inner.on_request_headers(head, context);  // wrong: cannot bind to a value of unrelated type
  }
  Stateful inner;
};
struct Numbered {
  explicit Numbered(int number);
};
struct Unconnected : HandlerWith<NoState, Numbered> {
  Info info() const override { return {.id = "a"}; }
};
const Unconnected unconnected;  // wrong: is an abstract class

// ---- events: what is overridden is delivered

struct Mistaken : Handler {
  Info info() const override { return {.id = "a"}; }
  Reply on_request_body(const RequestBodyChunk&, Context&) const { return Decision::allow(); }  // wrong: hides overloaded
};
struct Misspelt : Handler {
  Info info() const override { return {.id = "a"}; }
  Reply on_request_header(const RequestHeaders&, Context&) override;  // wrong: only virtual member functions can be marked 'override'
};
struct Secret : Handler {
  Info info() const override { return {.id = "a"}; }

 private:
  Reply on_request_body(const RequestBodyChunk&, Context&) override;
};
struct Good : Handler {
  Info info() const override { return {.id = "a"}; }
};

void factories() {
  const HandlerFactory good{[] { return std::make_unique<Good>(); }};
  const HandlerFactory hiding{[] { return std::make_unique<Mistaken>(); }};  // wrong: hides the one that it seems to
  const HandlerFactory secret{[] { return std::make_unique<Secret>(); }};    // wrong: is a private member
  const HandlerFactory any{[]() -> std::unique_ptr<Handler> { return std::make_unique<Good>(); }};  // wrong: return the handler's own type
}

}  // namespace
}  // namespace picket::agent
