#include "picket/body/unpack_stage.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#include <brotli/decode.h>
#include <zlib.h>

#include "picket/base/headers.hpp"

namespace picket::body {
namespace {

constexpr std::size_t most_waiting = 16 * 1024;  // packed bytes that it takes at a time

}  // namespace

std::optional<Coding> coding_of(std::string_view name) noexcept {
  struct Named {
    std::string_view name;
    Coding coding;
  };
  constexpr std::array codings{Named{"gzip", Coding::gzip}, Named{"x-gzip", Coding::gzip},
                               Named{"deflate", Coding::deflate}, Named{"br", Coding::br}};
  const auto found = std::ranges::find_if(codings, [&](const Named& each) { return base::same_name(name, each.name); });
  return found != codings.end() ? std::optional{found->coding} : std::nullopt;
}

namespace internal {

/// One body's library state.
class Unpacker {
 public:
  enum class State : std::uint8_t {
    goes_on,
    may_end,  ///< What has come is a whole.
    broken,
    no_room,  ///< What the library keeps of it is over the pool's budget.
  };

  Unpacker() = default;
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
  virtual ~Unpacker() = default;
  /// Takes of `in` and makes into `out`; both become what is left.
  virtual State run(base::ByteView& in, std::span<char>& out) = 0;
};

}  // namespace internal

namespace {

using internal::Unpacker;

/// What a library keeps of a body, which counts as held: of br that is a window of up to 16 MiB, whose size the sender
/// says. It calls here for all of its memory. Errors: no memory, where the budget has no room for it.
class LibraryMemory {
 public:
  explicit LibraryMemory(base::BlockPool& pool) noexcept : held_(pool) {}
  LibraryMemory(const LibraryMemory&) = delete;
  LibraryMemory& operator=(const LibraryMemory&) = delete;
  ~LibraryMemory() = default;

  /// As br has it: `self` is a LibraryMemory.
  static void* take(void* self, std::size_t size) noexcept {
    auto& memory = *static_cast<LibraryMemory*>(self);
    const std::size_t whole = size + sizeof(Header);
    memory.has_run_out_ = !memory.held_.count(whole);
    if (memory.has_run_out_) return nullptr;
    void* const piece = std::malloc(whole);
    if (piece == nullptr) return nullptr;  // what is counted is given back with the rest
    return ::new (piece) Header{whole} + 1;
  }
  static void give(void* self, void* piece) noexcept {
    if (piece == nullptr) return;
    Header* const header = static_cast<Header*>(piece) - 1;
    static_cast<LibraryMemory*>(self)->held_.give_back(header->size);
    std::free(header);
  }
  /// As zlib has it.
  static void* take_items(void* self, unsigned items, unsigned size) noexcept {
    return take(self, std::size_t{items} * size);
  }

  /// Whether the last that was asked for was over the budget.
  [[nodiscard]] bool has_run_out() const noexcept { return has_run_out_; }

 private:
  struct alignas(std::max_align_t) Header {
    std::size_t size;
  };

  base::HeldBytes held_;
  bool has_run_out_ = false;
};

/// RFC 1952 and RFC 1950; also deflate without zlib's header (RFC 1951), which some senders mean by it.
class Zlib final : public Unpacker {
 public:
  Zlib(Coding coding, base::BlockPool& pool) : memory_(pool), coding_(coding) {
    stream_.opaque = &memory_;
    stream_.zalloc = &LibraryMemory::take_items;
    stream_.zfree = &LibraryMemory::give;
  }
  ~Zlib() override {
    if (stage_ != Stage::new_) inflateEnd(&stream_);
  }
  State run(base::ByteView& in, std::span<char>& out) override {
    if (in.empty() && stage_ != Stage::inflates) return stage_ == Stage::ended ? State::may_end : State::goes_on;
    if (stage_ != Stage::inflates && !begin(std::to_integer<unsigned>(in.front()))) return failed();
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    in = in.last(stream_.avail_in);
    out = out.last(stream_.avail_out);
    if (result == Z_STREAM_END) stage_ = Stage::ended;
    if (result == Z_STREAM_END) return State::may_end;
    return result == Z_OK || result == Z_BUF_ERROR ? State::goes_on : failed();
  }

 private:
  enum class Stage : std::uint8_t { new_, inflates, ended };

  [[nodiscard]] State failed() const noexcept { return memory_.has_run_out() ? State::no_room : State::broken; }
  /// gzip may be several members, one behind the other. zlib's first byte says deflate in its low half, and no bare
  /// stream that anybody writes begins so.
  bool begin(unsigned first) {
    if (stage_ == Stage::ended && coding_ != Coding::gzip) return false;
    const bool is_bare = coding_ == Coding::deflate && (first & 0x0F) != 8;
    const int window = coding_ == Coding::gzip ? 16 + MAX_WBITS : is_bare ? -MAX_WBITS : MAX_WBITS;
    const int result = stage_ == Stage::ended ? inflateReset(&stream_) : inflateInit2(&stream_, window);
    if (result == Z_OK) stage_ = Stage::inflates;
    return result == Z_OK;
  }

  LibraryMemory memory_;
  Coding coding_;
  z_stream stream_{};
  Stage stage_ = Stage::new_;
};

/// RFC 7932.
class Brotli final : public Unpacker {
 public:
  explicit Brotli(base::BlockPool& pool)
      : memory_(pool), state_(BrotliDecoderCreateInstance(&LibraryMemory::take, &LibraryMemory::give, &memory_)) {}
  ~Brotli() override { BrotliDecoderDestroyInstance(state_); }
  State run(base::ByteView& in, std::span<char>& out) override {
    if (state_ == nullptr) return State::no_room;
    if (BrotliDecoderIsFinished(state_) != 0) return in.empty() ? State::may_end : State::broken;
    std::size_t in_left = in.size();
    std::size_t out_left = out.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    const auto result = BrotliDecoderDecompressStream(state_, &in_left, &next_in, &out_left, &next_out, nullptr);
    in = in.last(in_left);
    out = out.last(out_left);
    if (result == BROTLI_DECODER_RESULT_ERROR) return memory_.has_run_out() ? State::no_room : State::broken;
    return result == BROTLI_DECODER_RESULT_SUCCESS ? State::may_end : State::goes_on;
  }

 private:
  LibraryMemory memory_;
  BrotliDecoderState* state_;
};

std::unique_ptr<Unpacker> unpacker_of(Coding coding, base::BlockPool& pool) {
  if (coding == Coding::br) return std::make_unique<Brotli>(pool);
  return std::make_unique<Zlib>(coding, pool);
}

}  // namespace

UnpackStage::UnpackStage(Coding coding, base::BlockPool& pool, const UnpackLimits& limits)
    : unpacker_(unpacker_of(coding, pool)), made_(pool), limits_(limits) {}

UnpackStage::~UnpackStage() = default;

std::size_t UnpackStage::credit() const noexcept {
  return most_waiting - std::min<std::size_t>(most_waiting, waiting_.size() + packed_.size());
}

void UnpackStage::feed(Part part) {
  fed_ += part.bytes.size();
  waiting_.push(std::move(part.bytes));
  if (part.is_last) end_ = End::fed;
}

Part UnpackStage::take(std::size_t most) {
  if (most != 0 && end_ != End::gone) advance();
  if (stop_ != Stop::none || end_ == End::gone) return {};
  Part part{.bytes = next_.split_front(most), .is_last = end_ == End::unpacked};
  if (part.is_last) end_ = End::gone;
  return part;
}

/// Unpacks until there is something to take, or more must come. What ends before its coding does is not whole.
void UnpackStage::advance() {
  while (stop_ == Stop::none && next_.empty() && unpack_some()) {
  }
  if (stop_ != Stop::none || !next_.empty() || end_ != End::fed) return;
  if (!may_end_) return stop(Stop::undecodable);
  end_ = End::unpacked;
  unpacker_.reset();
}

/// Whether it may go on.
bool UnpackStage::unpack_some() {
  if (packed_.empty()) packed_ = waiting_.pop(waiting_.front_size());
  if (fed_ == 0) return false;  // nothing, which needs no coding
  base::ByteView in = packed_.view();
  const std::span<char> space = made_.space();
  std::span<char> out = space;
  const auto state = unpacker_->run(in, out);
  may_end_ = state == internal::Unpacker::State::may_end;
  static_cast<void>(packed_.split_front(packed_.size() - in.size()));
  if (out.size() != space.size()) next_ = made_.commit(space.size() - out.size());
  unpacked_ += next_.size();
  if (!next_.empty() && !next_.block().count(next_.size())) stop(Stop::overloaded);
  if (state == internal::Unpacker::State::broken) stop(Stop::undecodable);
  if (state == internal::Unpacker::State::no_room) stop(Stop::overloaded);
  if (is_too_much()) stop(Stop::too_large);
  return has_packed() || out.empty();
}

bool UnpackStage::is_too_much() const noexcept {
  return unpacked_ > fed_ * limits_.ratio + base::block_size || (limits_.size != 0 && unpacked_ > limits_.size);
}

void UnpackStage::stop(Stop why) {
  if (stop_ != Stop::none) return;
  stop_ = why;
  unpacker_.reset();
  waiting_.clear();
  packed_ = {};
  next_ = {};
}

}  // namespace picket::body
