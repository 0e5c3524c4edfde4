// A list of many host names, from a file (host=@FILE). A host is looked up in one step for each of its
// labels, however long the list is. config/host_list_text.hpp describes the file.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../http/head.hpp"

namespace plan {

class HostList {
 public:
  // Which hosts an entry is for; both bits may be set.
  static constexpr std::uint8_t kItself = 1, kBelow = 2;

  // `path`: of its file. `key` is random: without it a client cannot find names that make look-ups slow.
  HostList(std::string path, std::uint64_t key) : path_(std::move(path)), key_(key) {}

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Removes all names, and makes room for so many.
  void clear(std::size_t expected);
  // Adds a name in lower case, without a dot at either end, of 1 to kNameMax bytes. An equal one gets both
  // reaches.
  void add(std::string_view name, std::uint8_t reach);
  // The list has the host or, with `below`, a name above it. Ignores case.
  [[nodiscard]] bool has(std::string_view host) const noexcept;

  static constexpr std::size_t kNameMax = http::kHostBytesMax;

 private:
  struct Slot {
    std::uint32_t start = 0;  // in names_
    std::uint8_t length = 0;  // 0: free
    std::uint8_t reach = 0;
  };
  // The index of the slot of the name with this hash, or of the free one where it belongs.
  [[nodiscard]] std::size_t find(std::string_view name, std::uint64_t hash) const noexcept;
  void grow();

  std::string path_;
  std::uint64_t key_;
  std::string names_;        // one after another
  std::vector<Slot> slots_;  // open addressing; a power of two, at least twice size_
  std::size_t size_ = 0;
};

// Those of a configuration.
using HostLists = std::vector<std::shared_ptr<HostList>>;

}  // namespace plan
