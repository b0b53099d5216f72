#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "apps/gateway/answers/refusal.hpp"
#include "apps/gateway/exchange/body_pace.hpp"
#include "apps/gateway/exchange/client_side.hpp"
#include "apps/gateway/exchange/exchange_record.hpp"
#include "apps/gateway/exchange/exchange_state.hpp"
#include "apps/gateway/exchange/forwarded_request.hpp"
#include "apps/gateway/exchange/upstream_side.hpp"
#include "apps/gateway/generation/service.hpp"
#include "apps/gateway/websocket/handshake.hpp"
#include "apps/gateway/websocket/inspected_tunnel.hpp"
#include "picket/base/recycled_containers.hpp"
#include "picket/body/intake.hpp"
#include "picket/http/message.hpp"
#include "picket/inspection/inspection.hpp"
#include "picket/transport/beside.hpp"
#include "picket/transport/cancel.hpp"

namespace picket::apps::gateway::exchange {

/// One request from its validated head to its last response byte: agents, upstream, relay, log line.
///
/// It moves bytes and reports what happens; ExchangeState says what may happen and what is next. A tunnel alone is
/// beside it: what follows a 101 is the ends' (docs/adr/0047, 0052). Thread safety: its worker's thread.
/// Lifetime: all that it is given outlives it.
class Exchange final : private UpstreamListener {
 public:
  /// `cancel`: this exchange's, which the upstream's side takes too. `listener`: whose client it is.
  Exchange(generation::Service& service, ClientSide& client, UpstreamSide& upstream, transport::Cancel& cancel,
           const downstream::Peer& peer, const config::Listener& listener, base::Arena& arena);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  /// Serves the request. Whatever happens, the client has been answered or is gone afterwards, the agents have been
  /// told, and the log line is written.
  [[nodiscard]] transport::Task<void> serve();

  /// Nobody will read the answer any more: what is awaited ends.
  void abandon(wire::CancelReason reason) { happened(Event::client_lost, reason); }

  [[nodiscard]] const ExchangeState& state() const noexcept { return state_; }

 private:
  void happened(Event event, wire::CancelReason reason = wire::CancelReason::client_disconnect);
  /// The client gets this, where it can still be told.
  void decide(inspection::Answer answer, answers::Reason reason = answers::Reason::none);
  void refuse(answers::Reason reason, std::uint16_t status);
  /// Whether the exchange goes on; where not, what the verdict says is decided, or the answer under way is cut.
  [[nodiscard]] bool obey(inspection::Verdict verdict);

  void arrive();
  [[nodiscard]] bool came_the_right_way() const noexcept;
  void redirect_to_https();
  void take_route(const config::Route& route);
  /// What the stage has to do. It reports what came of it.
  [[nodiscard]] transport::Task<void> work();
  void conclude();

  // The request, as far as agents look at it.
  [[nodiscard]] transport::Task<void> judge_head();
  void let_head_on();
  [[nodiscard]] transport::Task<void> invite_body();
  [[nodiscard]] transport::Task<void> hold_body();
  [[nodiscard]] transport::Task<void> await_demand(base::Deadline whole);
  [[nodiscard]] transport::Task<void> read_held(BodyPace& pace, base::Deadline whole);
  [[nodiscard]] transport::Task<void> judge_body();
  [[nodiscard]] transport::Task<void> judge_what_came(inspection::BodyInspection& body);
  /// Whether agents have to be waited for, before more of it is read.
  [[nodiscard]] static bool has_to_wait(const inspection::BodyInspection& body) noexcept {
    return body.has_to_ask() || body.is_paused();
  }
  /// For their word, or until they want more.
  [[nodiscard]] transport::Task<void> await_agents(inspection::BodyInspection& body);
  /// Decides about a request whose body could not be read to its end.
  void refuse_unread(const base::Error& error);

  // The request, on its way to the upstream.
  [[nodiscard]] transport::Task<void> lease();
  [[nodiscard]] transport::Task<void> send();
  [[nodiscard]] transport::Task<void> send_beside();
  [[nodiscard]] transport::Task<void> send_all();
  void stop_sending();
  [[nodiscard]] transport::Task<void> end_sending();
  [[nodiscard]] bool sends_beside() const noexcept;
  [[nodiscard]] bool is_collected() const noexcept;
  [[nodiscard]] transport::Task<void> send_rest();
  [[nodiscard]] transport::Task<bool> read_rest(BodyPace& pace);
  [[nodiscard]] transport::Task<void> send_collected();
  [[nodiscard]] std::uint64_t balancing_key() const;
  [[nodiscard]] std::string_view upgrade() const noexcept;
  [[nodiscard]] static bool collect(inspection::BodyInspection& body, base::RecycledVector<base::SharedBytes>& pieces);
  void begin_request();
  [[nodiscard]] base::Headers trailers_to_send() const;
  void end_request();
  [[nodiscard]] BodyLength length_to_send();
  [[nodiscard]] base::Deadline rest_deadline(BodyPace& pace) const;
  [[nodiscard]] bool take_rest(const base::Result<std::size_t>& size, bool waited_for_upstream);
  [[nodiscard]] transport::Task<void> await_answer();
  /// Nothing, or nothing more, comes of the upstream.
  void fail_upstream(const base::Error& error);
  void fail_sending(const base::Error& error);
  void on_upstream_error(std::string_view address, const base::Error& error) override;
  void on_interim(const http::ResponseHead& interim) override;
  void on_early_answer() override {
    if (state_.stage() == Stage::sending) happened(Event::cut_short);
  }

  // The answer.
  [[nodiscard]] transport::Task<void> make_answer();
  [[nodiscard]] inspection::Answer fixed_answer() const;
  [[nodiscard]] inspection::Answer last_recipients_answer() const;
  [[nodiscard]] transport::Task<void> judge_answer();
  [[nodiscard]] base::Headers shown_headers();
  [[nodiscard]] transport::Task<void> settle_request();
  [[nodiscard]] transport::Task<void> judge_own_body();
  [[nodiscard]] transport::Task<void> open_answer();
  void begin_relayed(BodyLength length);
  void end_relayed();
  [[nodiscard]] transport::Task<void> relay();

  // Its body, where agents look at it.
  [[nodiscard]] transport::Task<void> open_inspected();
  [[nodiscard]] transport::Task<void> relay_inspected();
  [[nodiscard]] transport::Task<void> move_inspected();
  [[nodiscard]] transport::Task<void> obey_about_answer(inspection::Verdict verdict);
  [[nodiscard]] transport::Task<void> read_inspected();
  [[nodiscard]] transport::Task<void> write_collected(bool is_last);
  [[nodiscard]] std::string_view join_collected();
  [[nodiscard]] transport::Task<void> pass_piece(bool may_wait);
  [[nodiscard]] std::span<char> space_to_pass();
  [[nodiscard]] bool switches_protocols() const noexcept { return response_ != nullptr && response_->status == 101; }
  [[nodiscard]] transport::Task<void> open_tunnel();
  [[nodiscard]] transport::Task<void> tunnel();
  [[nodiscard]] transport::Task<void> pass_frames(websocket::TunnelEnd& client, websocket::TunnelEnd& upstream);
  [[nodiscard]] transport::Task<void> pass_bytes(websocket::TunnelEnd& client, websocket::TunnelEnd& upstream);
  void note_passed(const websocket::Passed& passed);
  void note_closing(const websocket::Closing& closing);
  /// Whether agents look at what passes once it switches.
  [[nodiscard]] bool inspects_frames() const noexcept { return !upgrade().empty() && route_->websocket_inspection; }
  [[nodiscard]] transport::Task<void> write_answer();
  void begin_answer(std::uint16_t status, std::string_view reason, http::FieldList& fields, BodyLength length);

  generation::Service& service_;
  ClientSide& client_;
  UpstreamSide& upstream_;
  const http::RequestHead& request_;
  const downstream::Peer& peer_;
  const config::Listener& listener_;
  base::Arena& arena_;
  ExchangeState state_;
  transport::Cancel& cancel_;
  base::MintedId id_;
  std::string_view request_id_;
  ForwardedRequest forwarded_;
  websocket::Handshake handshake_;                    // of a request that asks for one
  const config::Route* route_ = nullptr;              // once it is found
  body::Intake intake_;                               // of the request's body
  base::RecycledVector<base::SharedBytes> outgoing_;  // of it: what goes on, kept as long as it may be sent again
  body::Intake answer_intake_;                        // of an answer's body that agents look at
  base::RecycledVector<base::SharedBytes> let_out_;   // of it: what goes on
  transport::Beside sender_;                          // of the request, while its answer comes
  std::span<char> short_space_;                       // for bytes that pass, where they are known to be few
  base::Block block_;                                 // the same, where they are not
  std::optional<inspection::Answer> answer_;          // our own, once it is decided or made
  const http::ResponseHead* response_ = nullptr;      // the upstream's
  ExchangeRecord record_;
  // Last: what the inspection borrows, it may look at until it is gone.
  std::optional<inspection::Inspection> inspection_;
  std::optional<transport::Cancel::Guard> inspection_guard_;
};

}  // namespace picket::apps::gateway::exchange
