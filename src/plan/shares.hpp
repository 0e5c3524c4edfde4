// What each client holds of the proxy's connections and buffer blocks; which client gets the next free block,
// and which connection gives way to another client. Each call takes constant time.
//
// A connection is the number of its slot in the table of records.
#pragma once
#include <array>
#include <optional>

#include "../base/ranking.hpp"
#include "client_index.hpp"

namespace plan {

// What a connection needs a block for: to read a request head, or for all else.
enum class BlockUse : std::uint8_t { head, body };
inline constexpr std::size_t kBlockUses = 2;

// Only the constructor allocates memory.
class Shares {
 public:
  // For connections below `slots`. `key` is random and secret.
  Shares(std::size_t slots, base::SipKey key);
  Shares(const Shares&) = delete;
  Shares& operator=(const Shares&) = delete;

  // ---- what connections hold ----
  // A client's connection takes the slot. REQUIRES: the slot is free.
  void open(std::uint32_t slot, const sys::Address& address) noexcept;
  // The connection is closed, and its blocks are returned. REQUIRES: it is open.
  void close(std::uint32_t slot) noexcept;
  // Something happened on the connection, so it is not idle any more. REQUIRES: it is open.
  void touch(std::uint32_t slot) noexcept;
  // A connection after it has run.
  struct State {
    bool idle = false;        // it waits for a request, or for the client to close
    bool moved = false;       // it has sent bytes
    std::uint8_t blocks = 0;  // that it holds
  };
  // REQUIRES: it is open.
  void update(std::uint32_t slot, const State& state) noexcept;

  // ---- clients ----
  // The number of the connection's client: below `slots`, the same while the client has a connection.
  // REQUIRES: it is open.
  [[nodiscard]] std::uint32_t client_of(std::uint32_t slot) const noexcept { return held_[slot].client; }
  // How many connections a client has.
  [[nodiscard]] std::size_t connections(const sys::Address& address) const noexcept;
  // How many blocks a client holds.
  [[nodiscard]] std::size_t blocks(std::uint32_t client) const noexcept { return clients_[client].blocks; }

  // ---- which connection gives way ----
  // The longest-idle connection of the client that has most connections. kNoIndex: it has none that is idle,
  // or only one connection.
  [[nodiscard]] std::uint32_t idle_connection() const noexcept;
  // For a new connection of `client`: the connection that has been without an event for longest, of the
  // client that has most. kNoIndex: that client need not give way.
  [[nodiscard]] std::uint32_t busy_connection(const sys::Address& client) const noexcept;
  // For a block that `client` waits for: the connection that has held a block for longest without sending, of
  // the client that holds most. kNoIndex: that client holds no more than the waiting one.
  [[nodiscard]] std::uint32_t block_holder(std::uint32_t client) const noexcept;
  // The connection of that client which has held a block for longest without sending; kNoIndex: none.
  [[nodiscard]] std::uint32_t oldest_holder(std::uint32_t client) const noexcept {
    return clients_[client].holders.front();
  }

  // ---- which client gets the next block ----
  // Connections of that client begin to wait for a block, at `now` in ms. REQUIRES: none waits for this use.
  void begin_waiting(std::uint32_t client, BlockUse use, std::uint64_t now) noexcept;
  // None waits any more. REQUIRES: the call before was `begin_waiting`.
  void end_waiting(std::uint32_t client, BlockUse use) noexcept;
  // The waiting client that holds fewest blocks; kNoIndex: none waits.
  [[nodiscard]] std::uint32_t neediest(BlockUse use) const noexcept {
    return waiting_[static_cast<std::size_t>(use)].lowest();
  }
  // What the next block is for: the neediest client of the two uses, of equals the one whose last turn is
  // longer ago. Without `bodies` only heads count. Nothing: no client waits.
  [[nodiscard]] std::optional<BlockUse> next_use(bool bodies) const noexcept;
  // A connection of that client has got its turn: clients that wait and hold no more come before the next
  // one.
  void had_turn(std::uint32_t client, BlockUse use) noexcept;
  // Since when a client waits, ms. REQUIRES: it waits.
  [[nodiscard]] std::uint64_t waits_since(std::uint32_t client, BlockUse use) const noexcept {
    return wait_of(client, use).since;
  }

 private:
  // By a connection.
  struct Held {
    std::uint32_t client = base::kNoIndex;
    std::uint8_t blocks = 0;
    bool idle = false;    // which of the client's `idle` and `busy` has it
    base::Links peers;    // in that queue
    base::Links holding;  // in the client's `holders`, if it has blocks
  };
  using Peers = base::IndexQueue<Held, &Held::peers>;
  using Holders = base::IndexQueue<Held, &Held::holding>;
  struct Wait {
    bool waits = false;
    std::uint64_t since = 0;
    std::uint64_t turn = 0;  // number of its last turn, or of the beginning
  };
  struct Client {
    sys::ClientKey key;
    std::uint32_t next;  // of `index_`, or in the chain of free entries
    std::uint32_t connections = 0;
    std::uint32_t blocks = 0;
    std::array<Wait, kBlockUses> waits{};
    Peers idle, busy;  // the connection without an event for longest first
    Holders holders;   // the connection that has not sent for longest first
  };

  std::uint32_t find_or_add(const sys::ClientKey& key) noexcept;
  void remove(std::uint32_t client) noexcept;
  void count_connections(std::uint32_t client, std::uint32_t connections) noexcept;
  void count_blocks(std::uint32_t client, std::uint32_t blocks) noexcept;
  Peers& peers_of(const Held& held) noexcept;

  [[nodiscard]] const Wait& wait_of(std::uint32_t client, BlockUse use) const noexcept {
    return clients_[client].waits[static_cast<std::size_t>(use)];
  }

  std::uint64_t turns_ = 0;
  std::vector<Held> held_;  // by slot
  std::vector<Client> clients_;
  ClientIndex<Client> index_;
  std::uint32_t free_ = base::kNoIndex;            // head of the chain of free entries
  base::Ranking by_connections_, by_blocks_;       // of the clients that have some
  std::array<base::Ranking, kBlockUses> waiting_;  // clients that wait, by their blocks
};

}  // namespace plan
