// Heads of the last requests, for viewers of the board: without what may be secret.
//
// A head is redacted when it is kept, not when it is shown. Values are kept only of fields in an allow list;
// of all others, the length. Queries, fragments and user names of URLs are removed.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../state/worker.hpp"

namespace console {

inline constexpr std::size_t kHeadTextMax = 4096;  // of a redacted head; the rest is cut

// The lines of a head, each ended by LF, as far as they may be shown.
std::string public_head(std::string_view head);

// The heads of one request. Texts as `public_head` writes them; empty: there is no such head.
struct Heads {
  std::uint64_t id = 0;                       // of the connection; 0: none
  std::uint32_t nth = 0;                      // request on its connection
  std::array<std::string, 2> received, sent;  // by HeadKeeper::Message
};

// Keeps heads while viewers ask. Times in ms, monotonic.
class HeadStore final : public HeadKeeper {
 public:
  static constexpr std::size_t kRequests = 256;
  static constexpr std::size_t kClients = 64;
  static constexpr std::uint64_t kWatchedMs = 5000;  // heads are kept so long after the last poll

  // REQUIRES: `worker` outlives this.
  explicit HeadStore(Worker& worker) noexcept : worker_(worker) {}

  // A viewer has asked: keeps heads from now on.
  void watch() noexcept;
  void keep(const request_info& record, Message message, std::string_view received,
            std::string_view sent) noexcept override;
  void note_client(const sys::Address& client, std::string_view agent) noexcept override;
  // The heads of that request; null if there are none.
  [[nodiscard]] const Heads* find(std::uint64_t id, std::uint32_t nth) const noexcept;
  // A request came to the forward proxy from that address, with this User-Agent, while viewers asked. The
  // loopback addresses are one.
  [[nodiscard]] bool has_seen(const sys::Address& client, std::string_view agent) const noexcept;

 private:
  Heads& place_for(std::uint64_t id, std::uint32_t nth);
  // Viewers ask. If they no longer do, forgets the heads.
  bool is_watched() noexcept;

  Worker& worker_;
  std::uint64_t watched_ms_ = 0;
  std::vector<Heads> ring_;
  std::size_t next_ = 0;
  std::array<std::uint64_t, kClients> clients_{};  // hashes; 0: none
  std::size_t next_client_ = 0;
};

}  // namespace console
