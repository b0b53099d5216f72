#include "apps/gateway/websocket/handshake.hpp"

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "picket/websocket/handshake.hpp"

namespace picket::apps::gateway::websocket {
namespace {

constexpr std::string_view client_key = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 §1.3

/// A request and an answer of these fields, which a test changes.
struct Scene {
  std::vector<base::Header> asked = {
      {"Upgrade", "websocket"}, {"Connection", "keep-alive, Upgrade"}, {"Sec-WebSocket-Key", client_key}};
  http::RequestHead request{.method = "GET", .target = "/chat"};
  std::uint16_t status = 101;

  [[nodiscard]] Handshake handshake() {
    request.headers = std::span<const base::Header>{asked};
    return Handshake{request};
  }
  [[nodiscard]] bool is_asked_for() { return handshake().is_asked_for(); }

  /// What is wrong with an answer of these fields, in words; empty: nothing.
  [[nodiscard]] std::string wrong(Handshake& shaken, std::vector<base::Header> fields, bool is_inspected) const {
    const http::ResponseHead answer{.status = status, .headers = std::span<const base::Header>{fields}};
    const auto error = shaken.wrong_with(answer, is_inspected);
    return error ? std::string{error->detail()} : std::string{};
  }
};

TEST(Handshakes, AnUpgradeIsOneHoweverItIsSpelt) {
  Scene scene;
  EXPECT_TRUE(scene.is_asked_for());
  scene.asked = {{"UPGRADE", "h2c , WebSocket"}, {"connection", "upgrade"}};
  EXPECT_TRUE(scene.is_asked_for());
  scene.asked = {{"Upgrade", "h2c"}, {"Upgrade", "websocket"}, {"Connection", "close"}, {"Connection", "Upgrade"}};
  EXPECT_TRUE(scene.is_asked_for());
}

TEST(Handshakes, NothingElseIsOne) {
  const Scene whole;
  for (const auto& fields :
       std::initializer_list<std::vector<base::Header>>{{},
                                                        {{"Upgrade", "websocket"}},
                                                        {{"Connection", "Upgrade"}},
                                                        {{"Upgrade", "h2c"}, {"Connection", "Upgrade"}},
                                                        {{"Upgrade", "websockets"}, {"Connection", "Upgrade"}},
                                                        {{"Upgrade", "websocket/13"}, {"Connection", "Upgrade"}},
                                                        {{"X-Upgrade", "websocket"}, {"Connection", "Upgrade"}}}) {
    Scene scene = whole;
    scene.asked = fields;
    EXPECT_FALSE(scene.is_asked_for()) << fields.size();
  }
  Scene post = whole;
  post.request.method = "POST";
  EXPECT_FALSE(post.is_asked_for());
  Scene old = whole;
  old.request.version = 10;
  EXPECT_FALSE(old.is_asked_for());
  Scene with_body = whole;
  with_body.request.framing = http::Framing::chunked;
  EXPECT_FALSE(with_body.is_asked_for());
}

TEST(Handshakes, AnExtendedConnectIsOneAndGetsAKeyOfItsOwnThatStays) {
  Scene scene;
  scene.asked.clear();
  scene.request.must_switch = true;
  Handshake handshake = scene.handshake();
  EXPECT_TRUE(handshake.is_asked_for());
  const std::string key{handshake.key()};
  EXPECT_TRUE(picket::websocket::is_key(key)) << key;
  EXPECT_EQ(handshake.key(), key) << "an upstream that is asked again is asked with another";
  EXPECT_NE(scene.handshake().key(), key) << "two requests have one key";
}

TEST(Handshakes, AClientsOwnKeyGoesOn) {
  Scene scene;
  EXPECT_EQ(scene.handshake().key(), "");
}

TEST(Handshakes, OfAnUpgradeThatNobodyLooksAtEachAnswerIsTheClientsToJudge) {
  Scene scene;
  Handshake handshake = scene.handshake();
  EXPECT_EQ(scene.wrong(handshake, {}, false), "");
  EXPECT_EQ(scene.wrong(handshake, {{"Sec-WebSocket-Extensions", "permessage-deflate"}}, false), "");
  scene.status = 200;
  EXPECT_EQ(scene.wrong(handshake, {}, false), "");
  EXPECT_EQ(scene.wrong(handshake, {}, true), "") << "it may decline";
}

TEST(Handshakes, WhereFramesAreInspectedTheSwitchAnswersTheKeyAndTakesNoExtension) {
  Scene scene;
  Handshake handshake = scene.handshake();
  const std::string accept = picket::websocket::accept_of(client_key);
  EXPECT_EQ(scene.wrong(handshake, {{"Sec-WebSocket-Accept", accept}}, true), "");
  EXPECT_EQ(scene.wrong(handshake, {}, true), "it answered another handshake than it was asked for");
  EXPECT_EQ(scene.wrong(handshake, {{"Sec-WebSocket-Accept", accept}, {"Sec-WebSocket-Extensions", "x"}}, true),
            "it answered with an extension of WebSocket that it was not offered");
}

TEST(Handshakes, AnExtendedConnectIsAnsweredByItsOwnSwitchOrByNoSuccess) {
  Scene scene;
  scene.request.must_switch = true;
  Handshake handshake = scene.handshake();
  const std::string accept = picket::websocket::accept_of(handshake.key());
  EXPECT_EQ(scene.wrong(handshake, {{"Sec-WebSocket-Accept", accept}}, false), "");
  EXPECT_EQ(scene.wrong(handshake, {{"Sec-WebSocket-Accept", picket::websocket::accept_of(client_key)}}, false),
            "it answered another handshake than it was asked for");
  scene.status = 200;
  EXPECT_EQ(scene.wrong(handshake, {}, false), "it did not switch to WebSocket");
  scene.status = 403;
  EXPECT_EQ(scene.wrong(handshake, {}, false), "");
}

}  // namespace
}  // namespace picket::apps::gateway::websocket
