#include "shares.hpp"

#include <algorithm>
#include <cassert>

#include "../base/fair_share.hpp"

namespace plan {

Shares::Shares(std::size_t slots, base::SipKey key)
    : index_(slots, key),
      by_connections_(slots),
      by_blocks_(slots),
      waiting_{base::Ranking{slots}, base::Ranking{slots}} {
  held_.reserve(slots);  // memory that is never used costs nothing
  clients_.reserve(slots);
}

// ---- the clients ----------------------------------------------------------------------------------------

std::uint32_t Shares::find_or_add(const sys::ClientKey& key) noexcept {
  if (const std::uint32_t known = index_.find(clients_, key); known != base::kNoIndex) return known;
  const Client fresh{.key = key,
                     .next = base::kNoIndex,
                     .idle = Peers{held_.data()},
                     .busy = Peers{held_.data()},
                     .holders = Holders{held_.data()}};
  const std::uint32_t client = free_ != base::kNoIndex ? free_ : static_cast<std::uint32_t>(clients_.size());
  if (free_ != base::kNoIndex) {
    free_ = clients_[client].next;
    clients_[client] = fresh;
  } else {
    clients_.push_back(fresh);  // reserved: each client has a slot
  }
  index_.add(clients_, client);
  return client;
}

void Shares::remove(std::uint32_t client) noexcept {
  index_.remove(clients_, client);
  clients_[client].next = free_;
  free_ = client;
}

// ---- what connections hold -------------------------------------------------------------------------------

Shares::Peers& Shares::peers_of(const Held& held) noexcept {
  Client& client = clients_[held.client];
  return held.idle ? client.idle : client.busy;
}

void Shares::count_connections(std::uint32_t client, std::uint32_t connections) noexcept {
  std::uint32_t& count = clients_[client].connections;
  if (count > 0) by_connections_.remove(client, count);
  count = connections;
  if (count > 0) by_connections_.add(client, count);
}

void Shares::count_blocks(std::uint32_t client, std::uint32_t blocks) noexcept {
  Client& entry = clients_[client];
  for (std::size_t use = 0; use < kBlockUses; ++use)
    if (entry.waits[use].waits) waiting_[use].remove(client, entry.blocks);
  if (entry.blocks > 0) by_blocks_.remove(client, entry.blocks);
  entry.blocks = blocks;
  if (entry.blocks > 0) by_blocks_.add(client, entry.blocks);
  for (std::size_t use = 0; use < kBlockUses; ++use)
    if (entry.waits[use].waits) waiting_[use].add(client, entry.blocks);
}

void Shares::open(std::uint32_t slot, const sys::Address& address) noexcept {
  if (slot >= held_.size()) held_.resize(slot + 1);  // reserved: nothing moves
  const std::uint32_t client = find_or_add(sys::client_key(address));
  held_[slot] = {.client = client, .peers = {}, .holding = {}};
  count_connections(client, clients_[client].connections + 1);
  clients_[client].busy.push(slot);
}

void Shares::close(std::uint32_t slot) noexcept {
  update(slot, {});
  Held& held = held_[slot];
  const std::uint32_t client = held.client;
  peers_of(held).remove(slot);
  held = {};
  count_connections(client, clients_[client].connections - 1);
  if (clients_[client].connections == 0) remove(client);
}

void Shares::touch(std::uint32_t slot) noexcept {
  Held& held = held_[slot];
  peers_of(held).remove(slot);
  held.idle = false;
  peers_of(held).push(slot);
}

void Shares::update(std::uint32_t slot, const State& state) noexcept {
  Held& held = held_[slot];
  Client& client = clients_[held.client];
  peers_of(held).remove(slot);
  held.idle = state.idle;
  peers_of(held).push(slot);
  if (held.blocks > 0 && (state.moved || state.blocks == 0)) client.holders.remove(slot);
  if (state.blocks > 0 && !held.holding.linked()) client.holders.push(slot);
  if (held.blocks != state.blocks) count_blocks(held.client, client.blocks - held.blocks + state.blocks);
  held.blocks = state.blocks;
}

std::size_t Shares::connections(const sys::Address& address) const noexcept {
  const std::uint32_t client = index_.find(clients_, sys::client_key(address));
  return client == base::kNoIndex ? 0 : clients_[client].connections;
}

// ---- which connection gives way --------------------------------------------------------------------------

std::uint32_t Shares::idle_connection() const noexcept {
  const std::uint32_t most = by_connections_.highest();
  return most == base::kNoIndex || clients_[most].connections < 2 ? base::kNoIndex
                                                                  : clients_[most].idle.front();
}

std::uint32_t Shares::busy_connection(const sys::Address& client) const noexcept {
  const std::uint32_t most = by_connections_.highest();
  const bool must_return =
      most != base::kNoIndex && base::must_return(clients_[most].connections, connections(client));
  return must_return ? clients_[most].busy.front() : base::kNoIndex;
}

std::uint32_t Shares::block_holder(std::uint32_t client) const noexcept {
  const std::uint32_t most = by_blocks_.highest();
  const bool holds_more = most != base::kNoIndex && clients_[most].blocks > clients_[client].blocks;
  return holds_more ? clients_[most].holders.front() : base::kNoIndex;
}

// ---- which client gets the next block --------------------------------------------------------------------

void Shares::begin_waiting(std::uint32_t client, BlockUse use, std::uint64_t now) noexcept {
  Wait& wait = clients_[client].waits[static_cast<std::size_t>(use)];
  assert(!wait.waits);
  wait = {.waits = true, .since = now, .turn = ++turns_};
  waiting_[static_cast<std::size_t>(use)].add(client, clients_[client].blocks);
}

std::optional<BlockUse> Shares::next_use(bool bodies) const noexcept {
  const std::uint32_t head = neediest(BlockUse::head);
  const std::uint32_t body = bodies ? neediest(BlockUse::body) : base::kNoIndex;
  if (head == base::kNoIndex && body == base::kNoIndex) return std::nullopt;
  if (head == base::kNoIndex) return BlockUse::body;
  if (body == base::kNoIndex) return BlockUse::head;
  if (blocks(head) != blocks(body)) return blocks(head) < blocks(body) ? BlockUse::head : BlockUse::body;
  const bool head_first = wait_of(head, BlockUse::head).turn < wait_of(body, BlockUse::body).turn;
  return head_first ? BlockUse::head : BlockUse::body;
}

void Shares::had_turn(std::uint32_t client, BlockUse use) noexcept {
  Wait& wait = clients_[client].waits[static_cast<std::size_t>(use)];
  if (!wait.waits) return;
  wait.turn = ++turns_;
  waiting_[static_cast<std::size_t>(use)].remove(client, clients_[client].blocks);
  waiting_[static_cast<std::size_t>(use)].add(client, clients_[client].blocks);
}

void Shares::end_waiting(std::uint32_t client, BlockUse use) noexcept {
  Wait& wait = clients_[client].waits[static_cast<std::size_t>(use)];
  assert(wait.waits);
  wait.waits = false;
  waiting_[static_cast<std::size_t>(use)].remove(client, clients_[client].blocks);
}

}  // namespace plan
