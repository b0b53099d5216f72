#include "apps/cli/conform/proxies/web_socket.hpp"

#include <array>

#include <openssl/evp.h>

namespace picket::apps::cli::conform::proxies {
namespace {

constexpr std::string_view mask = "mask";

/// One frame, the last of its message.
std::string written(std::uint8_t opcode, std::string_view data, bool is_masked) {
  std::string frame{static_cast<char>(0x80 | opcode), static_cast<char>((is_masked ? 0x80 : 0) | data.size())};
  if (!is_masked) return frame.append(data);
  frame += mask;
  for (std::size_t i = 0; i < data.size(); ++i) frame += static_cast<char>(data[i] ^ mask[i % mask.size()]);
  return frame;
}

/// Those of short frames that are whole.
std::vector<WebFrame> frames_in(std::string_view bytes) {
  std::vector<WebFrame> frames;
  while (bytes.size() >= 2) {
    const bool is_masked = (bytes[1] & 0x80) != 0;
    const std::size_t size = bytes[1] & 0x7f;
    const std::size_t head = is_masked ? 6 : 2;
    if (bytes.size() < head + size) break;
    WebFrame frame{.opcode = static_cast<std::uint8_t>(bytes[0] & 0x0f), .data{bytes.substr(head, size)}};
    for (std::size_t i = 0; is_masked && i < size; ++i) frame.data[i] ^= bytes[2 + i % mask.size()];
    frames.push_back(std::move(frame));
    bytes.remove_prefix(head + size);
  }
  return frames;
}

}  // namespace

std::string accept_of(std::string_view key) {
  const std::string text = std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> base64{};
  const int length = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(size));
  return {base64.begin(), base64.begin() + length};
}

Tunnel::Tunnel(Proxy& proxy) : proxy_(proxy) {
  (void)proxy_.origin();
  (void)proxy_.ask();  // the agent's connection is in use then
  call_ = proxy_.send({.fields = {{"upgrade", "websocket"},
                                  {"sec-websocket-version", "13"},
                                  {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}},
                       .body = {}});
  proxy_.await("answer to the client", [this] {
    (void)call_->poll();
    return call_->answer().status != 0;
  });
  need(call_->answer().status == 101, "the proxy takes no WebSocket: the client gets {}", call_->answer().status);
}

void Tunnel::client_says(std::string_view text) { call_->write(written(text_frame, text, true)); }
void Tunnel::upstream_says(std::string_view text) { proxy_.origin().say(written(text_frame, text, false)); }

std::vector<WebFrame> Tunnel::at_client() {
  (void)call_->poll();
  return frames_in(call_->answer().body);
}

std::vector<WebFrame> Tunnel::at_upstream() { return frames_in(proxy_.forwarded().body); }

}  // namespace picket::apps::cli::conform::proxies
