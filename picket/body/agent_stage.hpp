#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "picket/base/recycled_containers.hpp"
#include "picket/body/passage.hpp"
#include "picket/body/piece_queue.hpp"
#include "picket/body/stage.hpp"

namespace picket::body {

/// As many bytes as there are.
inline constexpr std::uint64_t whole = std::numeric_limits<std::uint64_t>::max();

/// Chunks on their way to an agent that takes several at once: enough to hide the way, few enough to hold no memory.
inline constexpr std::size_t chunks_at_once = 4;

/// How one agent looks at a body.
struct AgentPolicy {
  /// Bytes that are held before the agent is asked about the first, and until it has answered for all of them: the
  /// whole body (buffer mode), none (stream) or so many (hybrid).
  std::uint64_t gathers = whole;
  std::uint64_t holds = 1'048'576;  ///< Bytes that are held at a time, at most: all of a body that is gathered.
  /// Bytes that the agent has allowed last and that stay, in whole chunks: it may still change what a border has cut.
  /// The end lets them go. Less than `holds`; nothing where all of the body is gathered.
  std::uint64_t holds_back = 0;
  bool refuses_larger = true;            ///< What is more is stopped; else it goes past the agent.
  std::uint64_t largest_chunk = 65'536;  ///< Bytes. Not 0.
  /// Where chunks may not end with the block that their bytes lie in: they are copied from here.
  base::BlockPool* joins_in = nullptr;
};

/// What an agent is to be asked next. Lifetime: its bytes have a share of their block.
struct Chunk {
  base::SharedBytes bytes;
  std::uint32_t number = 0;
  bool is_last = false;
  bool goes_past = false;                  ///< The body goes on without this agent, which gets an empty last chunk.
  std::uint64_t received = 0;              ///< Bytes of this chunk and those before it.
  std::optional<std::uint64_t> body_size;  ///< As far as it is known; of what goes past more than was received.
};

/// The stage of one agent: what it is to be asked about next, and what its answers let through.
///
/// Knows no agent: whoever does takes chunks, and tells what was said of them in their order. Bytes that the agent has
/// not allowed stay here; what it puts in a chunk's place goes on instead.
///
///   stage.feed(part);                              // as much as credit() says, and no more
///   while (auto chunk = stage.next(most)) ask(*chunk);
///   …                                              // for each answer, in the order of the chunks:
///   if (mutation) stage.replace(mutation->chunk_index, bytes);
///   stage.allow(response.needs_more);              // or refuse(), fail_open(), skip()
///   send_on(stage.take(room));
///
/// Thread safety and lifetime: Stage's. Errors: stopped() says why nothing goes on. Memory: what is held, at most
/// AgentPolicy::holds bytes, and chunks_at_once chunks on their way. Complexity: constant for each chunk; no byte is
/// copied unless chunks are joined.
class AgentStage final : public Stage {
 public:
  enum class State : std::uint8_t {
    gathers,    ///< Holds what comes. The agent is asked nothing yet.
    asks,       ///< The agent is asked chunk by chunk, and what it has allowed goes on.
    goes_past,  ///< More than it may hold, or can be shown: held still, until its last word without the rest.
    passes,     ///< Everything goes on as it comes: the agent has had its last word, or failed open.
    stopped,    ///< Nothing goes on any more.
  };

  explicit AgentStage(const AgentPolicy& policy) noexcept;
  ~AgentStage() = default;

  [[nodiscard]] State state() const noexcept { return state_; }

  // ---- the body
  [[nodiscard]] std::size_t credit() const noexcept override;
  void feed(Part part) override;
  [[nodiscard]] Part take(std::size_t most) override;
  [[nodiscard]] Stop stopped() const noexcept override { return stop_; }
  [[nodiscard]] bool expect(std::uint64_t size, bool as_sent) override;

  // ---- the agent
  /// Whether bytes are held, or will be as soon as some come; an end is held as bytes are, until the last word.
  [[nodiscard]] bool holds_any() const noexcept {
    return state_ == State::gathers || state_ == State::goes_past ||
           (state_ == State::asks && (held() != 0 || has_ended_));
  }
  /// Whether it is asked, and has let nothing go on yet.
  [[nodiscard]] bool is_at_start() const noexcept { return state_ == State::asks && released_ == 0; }
  /// Whether what goes on may be other bytes than those that came.
  [[nodiscard]] bool may_change() const noexcept { return state_ != State::passes || !is_as_sent_; }
  /// Whether nothing that the agent has let go, be it only held back, is other bytes than those that came.
  [[nodiscard]] bool is_as_sent() const noexcept;
  /// What it is to be asked next, perhaps beside chunks that it has not answered. `most`: bytes of it; not 0.
  [[nodiscard]] std::optional<Chunk> next(std::uint64_t most = whole);
  /// Whether there is something to ask.
  [[nodiscard]] bool has_next() const noexcept;
  /// The oldest chunk without an answer is allowed. `needs_more`: the agent wants to see more before anything goes on.
  void allow(bool needs_more);
  /// Whether a chunk is held, so that it can be replaced; also one that is being answered.
  [[nodiscard]] bool holds(std::uint32_t number) const noexcept;
  /// The size of the whole body, were that chunk replaced by so many bytes. `number`: one that is held.
  [[nodiscard]] std::uint64_t size_with(std::uint32_t number, std::uint64_t bytes) const noexcept;
  /// Nothing in its place drops the chunk. A later replacement of the same chunk counts.
  void replace(std::uint32_t number, base::SharedBytes bytes);
  /// The agent is not asked any more: what is held goes on as the agent has made it.
  void skip() { open(Changes::kept); }
  /// The same, as it came: what the agent has not come to an end with is not its word.
  void fail_open() { open(Changes::dropped); }
  /// The body goes on without this agent, which has its last word first.
  void go_past() noexcept {
    if (state_ == State::gathers || state_ == State::asks) state_ = State::goes_past;
  }
  /// What it lets go on nobody takes: the body goes another way.
  void forget() { out_.clear(); }
  /// Nothing goes on any more, and nothing is held.
  void refuse() { stop(Stop::decided); }

 private:
  struct Held {
    base::SharedBytes came;
    base::SharedBytes goes;
    bool is_last = false;
    bool is_replaced = false;
  };
  enum class Changes : std::uint8_t { kept, dropped };

  [[nodiscard]] std::uint64_t held() const noexcept { return fed_ - released_; }
  [[nodiscard]] std::uint64_t unanswered() const noexcept { return fed_ - answered_; }
  [[nodiscard]] std::uint64_t room() const noexcept;
  void begin();
  void exceed();
  [[nodiscard]] base::SharedBytes cut(std::uint64_t most);
  [[nodiscard]] base::SharedBytes join(std::size_t size);
  [[nodiscard]] std::size_t releasable() const noexcept;
  void release(std::size_t chunks, Changes changes);
  void open(Changes changes);
  void stop(Stop why);

  AgentPolicy policy_;
  State state_ = State::gathers;
  Stop stop_ = Stop::none;
  PieceQueue waiting_;                 // fed, no chunk yet
  base::RecycledVector<Held> chunks_;  // asked about, not released
  std::uint32_t first_ = 0;            // its first one's number
  std::size_t allowed_ = 0;            // of chunks_, the first ones
  std::size_t agreed_ = 0;             // of those: only held back
  Passage out_;
  std::uint64_t fed_ = 0;  // bytes, each of those that came
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t released_ = 0;
  std::uint64_t gathered_ = 0;  // that go on together
  std::uint64_t expected_ = 0;  // at least
  std::uint64_t size_ = 0;      // of the body as it goes on
  bool has_ended_ = false;      // all of it came
  bool last_asked_ = false;
  bool is_as_sent_ = true;
};

}  // namespace picket::body
