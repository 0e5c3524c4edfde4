// Finds clients in an array by what they are.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "../base/links.hpp"
#include "../base/siphash.hpp"
#include "../sys/address.hpp"

namespace plan {

// A hash table over an array of clients that its owner keeps. `Client` has the members `key` (sys::ClientKey)
// and `next` (the next one in the same bucket). Only the constructor allocates memory.
template <class Client>
class ClientIndex {
 public:
  // For at most `most` clients. With a random and secret `key` clients cannot choose addresses that hash
  // alike.
  ClientIndex(std::size_t most, base::SipKey key)
      : key_(key), buckets_(std::bit_ceil(std::max<std::size_t>(most, 1)), base::kNoIndex) {}

  // kNoIndex: there is none.
  [[nodiscard]] std::uint32_t find(const std::vector<Client>& clients,
                                   const sys::ClientKey& wanted) const noexcept {
    std::uint32_t index = buckets_[bucket_of(wanted)];
    while (index != base::kNoIndex && clients[index].key != wanted) index = clients[index].next;
    return index;
  }
  // REQUIRES: no client with that key is in the table.
  void add(std::vector<Client>& clients, std::uint32_t index) noexcept {
    std::uint32_t& first = buckets_[bucket_of(clients[index].key)];
    clients[index].next = first;
    first = index;
  }
  // REQUIRES: it is in the table.
  void remove(std::vector<Client>& clients, std::uint32_t index) noexcept {
    std::uint32_t* link = &buckets_[bucket_of(clients[index].key)];
    while (*link != index) link = &clients[*link].next;
    *link = clients[index].next;
  }

 private:
  [[nodiscard]] std::size_t bucket_of(const sys::ClientKey& client) const noexcept {
    std::array<char, sizeof client.network> text;
    for (std::size_t i = 0; i < text.size(); ++i)
      text[i] = static_cast<char>(client.network >> (8 * i) & 0xffU);
    return base::siphash(key_, {text.data(), text.size()}).low & (buckets_.size() - 1);
  }

  base::SipKey key_;
  std::vector<std::uint32_t> buckets_;  // the first client of each
};

}  // namespace plan
