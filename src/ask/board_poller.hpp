// Asks a running proxy for the pages of its board, one after the other over one connection, without waiting.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "proxy_address.hpp"
#include "screen.hpp"
#include "session.hpp"

namespace ask {

class BoardPoller {
 public:
  // `poller` watches the connection. REQUIRES: both outlive it.
  BoardPoller(const sys::Fd& poller, const ProxyAddress& proxy);

  // Goes on until it would have to wait: for the poller, or until due(). Returns true if `known` has changed.
  // `slot`: ask for it too. `now` in ms.
  bool step(std::uint64_t now, std::optional<std::uint32_t> slot);
  // When the next page is to be asked for, in ms; while one is awaited, when it counts as missing.
  [[nodiscard]] std::uint64_t due() const noexcept { return due_; }
  // Cells and turns were received at least once since the last failure.
  [[nodiscard]] bool complete() const noexcept { return complete_; }

  Known known{};

 private:
  enum class Page : std::uint8_t { hello, cells, turns, findings, slot };

  void ask(std::uint64_t now);
  void take(std::uint64_t now, std::optional<std::uint32_t> slot);
  std::string apply(std::string_view body);
  [[nodiscard]] Page next_page(std::optional<std::uint32_t> slot) const noexcept;
  [[nodiscard]] std::string path() const;
  void fail(std::string problem, std::uint64_t now);

  const ProxyAddress& proxy_;
  Session session_;
  Page page_ = Page::hello;
  std::uint32_t slot_ = 0;
  std::uint32_t findings_seen_ = 0;  // the number at the time of the findings in `known`
  std::uint64_t due_ = 0, cells_due_ = 0;
  bool complete_ = false;
};

}  // namespace ask
