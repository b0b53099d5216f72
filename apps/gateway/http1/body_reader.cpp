#include "apps/gateway/http1/body_reader.hpp"

#include <algorithm>
#include <cstring>

namespace picket::apps::gateway::http1 {
namespace {

base::Error ended_early() { return base::fail(base::ErrorKind::connection_closed, "the body ended before its end"); }

}  // namespace

BodyReader::BodyReader(transport::Stream& stream, base::Buffer& buffered, http::Framing framing,
                       std::uint64_t content_length, bool of_response)
    : stream_(stream),
      buffered_(buffered),
      framing_(framing),
      remaining_(content_length),
      done_(framing == http::Framing::none || (framing == http::Framing::length && content_length == 0)) {
  if (framing == http::Framing::chunked) chunked_.emplace(of_response);
}

std::size_t BodyReader::take_buffered(std::span<char> into) noexcept {
  const std::size_t size = std::min(into.size(), buffered_.size());
  if (size == 0) return 0;
  std::memcpy(into.data(), buffered_.data(), size);
  buffered_.consume(size);
  return size;
}

std::optional<base::ByteView> BodyReader::take_whole() {
  if (done_ || framing_ != http::Framing::length || remaining_ > read_size) return std::nullopt;
  const auto size = static_cast<std::size_t>(remaining_);
  if (buffered_.size() < size) {
    const std::size_t missing = size - buffered_.size();
    // An end is met again by whoever waits for the rest.
    buffered_.commit(stream_.read_now({buffered_.prepare(missing), missing}).value_or(0));
    if (buffered_.size() < size) return std::nullopt;
  }
  const base::ByteView whole = buffered_.bytes().first(size);
  buffered_.consume(size);
  remaining_ = 0;
  done_ = true;
  return whole;
}

transport::Task<base::Result<std::size_t>> BodyReader::read(std::span<char> into, base::Deadline deadline) {
  if (done_) co_return std::size_t{0};
  if (framing_ == http::Framing::length)
    into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), remaining_)));
  while (true) {
    if (chunked_) {
      if (!buffered_.empty()) {
        const auto step = chunked_->decode(buffered_.text(), into, &trailers_);
        if (!step) co_return step.error();
        buffered_.consume(step->consumed);
        done_ = chunked_->done();
        if (step->produced != 0 || done_) co_return step->produced;
      }
      const std::span<char> space{buffered_.prepare(read_size), read_size};
      const auto got = co_await stream_.read_some(space, deadline);
      if (!got) co_return got.error();
      if (*got == 0) co_return ended_early();
      buffered_.commit(*got);
      continue;
    }
    std::size_t size = take_buffered(into);
    if (size == 0) {
      const auto got = co_await stream_.read_some(into, deadline);
      if (!got) co_return got.error();
      size = *got;
    }
    if (framing_ == http::Framing::until_close) {
      done_ = size == 0;
      co_return size;
    }
    if (size == 0) co_return ended_early();
    remaining_ -= size;
    done_ = remaining_ == 0;
    co_return size;
  }
}

}  // namespace picket::apps::gateway::http1
