// Lets in who shows a JSON Web Token (RFC 7519) that is signed with our key, HS256, and has not expired. The upstream
// gets the token's subject in x-user, and never one that a client wrote there.
// Run it: JWT_KEY=secret jwt_check --listen unix:/tmp/jwt.sock
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <jwt.h>

#include "picket/agent/serve.hpp"

using namespace picket::agent;

namespace {

struct FreeToken {
  void operator()(jwt_t* token) const noexcept { jwt_free(token); }
};
using Token = std::unique_ptr<jwt_t, FreeToken>;

/// A token that the key has signed. The algorithm is ours to choose, not the token's: "none", or a public key taken for
/// a secret, would let anybody in.
Token verified(const std::string& text, const std::string& key) {
  jwt_t* token = nullptr;
  const int failed = jwt_decode(&token, text.c_str(), reinterpret_cast<const unsigned char*>(key.data()),
                                static_cast<int>(key.size()));
  Token held{failed == 0 ? token : nullptr};
  return held != nullptr && jwt_get_alg(held.get()) == JWT_ALG_HS256 ? std::move(held) : nullptr;
}

/// Who shows the token, if it is good now.
std::optional<std::string> subject_of(const Token& token) {
  if (token == nullptr || jwt_get_grant_int(token.get(), "exp") <= std::time(nullptr)) return std::nullopt;
  const char* const subject = jwt_get_grant(token.get(), "sub");
  return subject != nullptr && *subject != '\0' ? std::optional<std::string>{subject} : std::nullopt;
}

class JwtCheck final : public Handler {
 public:
  explicit JwtCheck(std::string key) : key_(std::move(key)) {}

  Info info() const override { return {.id = "jwt-check", .version = "1"}; }

  Reply on_request_headers(const RequestHeaders& request, Context&) override {
    const std::string_view credentials = request.headers.find("authorization").value_or("");
    constexpr std::string_view scheme = "Bearer ";
    if (!credentials.starts_with(scheme)) return Decision::challenge("bearer", {{"realm", "api"}}).reason("no-token");
    const auto user = subject_of(verified(std::string{credentials.substr(scheme.size())}, key_));
    if (!user) return Decision::challenge("bearer", {{"realm", "api"}, {"error", "invalid_token"}}).reason("bad-token");
    return Decision::allow().set_request_header("x-user", *user);
  }

 private:
  std::string key_;
};

}  // namespace

int main(int argc, char** argv) {
  const char* const key = std::getenv("JWT_KEY");
  if (key == nullptr || *key == '\0') {
    std::cerr << "jwt_check: set JWT_KEY to the key that signs the tokens\n";
    return 2;
  }
  return serve(argc, argv, [key] { return std::make_unique<JwtCheck>(key); });
}
