#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>
#include <vector>

namespace picket::session {

/// Finds the entries of a table by a text: which entry, a small dense number, has that id.
///
/// Chained hashing with the chains kept by entry number, so that it allocates only when more entries live at once than
/// ever before; open addressing, as in boost::unordered_flat_map, rehashes now and then under insert and erase alone.
///
/// The agent's end needs it: ids there are a proxy's, and carry no slot that could be believed. Their length is bounded
/// by limits::max_correlation_id before they come here.
///
/// Thread safety: none; one owner. Lifetime: borrows each id until it is erased. Errors: none; who inserts an id twice,
/// or erases what is not there, breaks it. Complexity: O(1); an insertion now and then doubles the table.
///
///   const std::uint32_t found = index.find(id);
///   if (found == IdIndex::nothing) index.insert(table[entry].id, entry);  // the table keeps the text
class IdIndex {
 public:
  static constexpr std::uint32_t nothing = std::numeric_limits<std::uint32_t>::max();

  /// The entry with that id, or `nothing`. Complexity: O(1) on average. A peer that chooses ids with one hash makes
  /// chains of them: what bounds the table, AgentConfig::max_exchanges, bounds those, too.
  [[nodiscard]] std::uint32_t find(std::string_view id) const noexcept {
    if (heads_.empty()) return nothing;
    const std::size_t hash = hash_of(id);
    std::uint32_t entry = heads_[bucket_of(hash)];
    while (entry != nothing && (links_[entry].hash != hash || links_[entry].id != id)) entry = links_[entry].next;
    return entry;
  }
  /// `id` must not be there. Nor may `entry`. Entries are small and dense: the table is as long as the largest one.
  void insert(std::string_view id, std::uint32_t entry) {
    if (size_ == heads_.size()) grow();
    if (entry >= links_.size()) links_.resize(entry + 1);
    links_[entry] = {id, hash_of(id), nothing};
    chain(entry);
    ++size_;
  }
  /// `entry` must be there.
  void erase(std::uint32_t entry) noexcept {
    std::uint32_t* link = &heads_[bucket_of(links_[entry].hash)];
    while (*link != entry) link = &links_[*link].next;
    *link = links_[entry].next;
    links_[entry] = {};
    --size_;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Calls `use(entry)` for every entry. In the order of the entries; `use` may erase the one that it is called with.
  /// Complexity: one step for each entry that ever was, at once.
  template <class Use>
  void each(Use&& use) const {
    for (std::uint32_t entry = 0; entry < links_.size(); ++entry)
      if (links_[entry].id.data() != nullptr) use(entry);
  }

 private:
  // One for each entry: the links of a chain are entries, and need no memory of their own.
  struct Link {
    std::string_view id;  // null data: no such entry
    std::size_t hash = 0;
    std::uint32_t next = nothing;
  };

  [[nodiscard]] static std::size_t hash_of(std::string_view id) noexcept { return std::hash<std::string_view>{}(id); }
  [[nodiscard]] std::size_t bucket_of(std::size_t hash) const noexcept { return hash & (heads_.size() - 1); }
  void chain(std::uint32_t entry) noexcept {
    auto& head = heads_[bucket_of(links_[entry].hash)];
    links_[entry].next = head;
    head = entry;
  }
  // Chains everything anew. Hashes are kept, so that no text is read.
  void grow() {
    heads_.assign(heads_.empty() ? 16 : heads_.size() * 2, nothing);
    each([this](std::uint32_t entry) { chain(entry); });
  }

  std::vector<std::uint32_t> heads_;  // a power of two of them
  std::vector<Link> links_;
  std::size_t size_ = 0;
};

}  // namespace picket::session
