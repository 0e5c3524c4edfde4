// What the state machine gets from outside it for the proxy's own pages, and what it reports for them.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "../../request_state.hpp"
#include "../http/head.hpp"

// The proxy's own pages. They do not depend on the client.
class Pages {
 public:
  static constexpr std::string_view kTextType = "text/plain; version=0.0.4; charset=utf-8";
  static constexpr std::string_view kPlainType = "text/plain; charset=utf-8";
  static constexpr std::string_view kJsonType = "application/json";
  static constexpr std::string_view kOpenMetricsType =
      "application/openmetrics-text; version=1.0.0; charset=utf-8";

  enum class MetricsFormat : std::uint8_t { text, json, openmetrics };
  static constexpr std::size_t kMetricsFormats = 3;

  virtual ~Pages() = default;
  // Counters and gauges. A page that other clients still receive is shared for a second.
  [[nodiscard]] virtual std::shared_ptr<const std::string> metrics(MetricsFormat format) = 0;
  // What the loop doctor finds: the page, and header fields with the number of findings.
  struct FindingsPage {
    std::shared_ptr<const std::string> text{};
    std::string fields{};  // of the response; each ends in CR LF
  };
  // What the loop doctor finds, for people or as JSON; shared in the same way.
  [[nodiscard]] virtual FindingsPage findings_page(bool json) = 0;
  // A page of the board.
  struct Page {
    std::uint16_t status = 200;
    std::shared_ptr<const std::string> text{};  // null: there is no body
    std::string fields{};                       // of the response; each ends in CR LF
    std::uint64_t work = 0;                     // units of work, besides that for the text
    bool pending = false;                       // made in parts: ask for it again in the next turn
  };
  // What the board responds to GET or HEAD of `viewer`.
  [[nodiscard]] virtual Page board_page(const http::RequestHead& head, const request_info& viewer) = 0;
};

// Keeps heads of forwarded messages, and which clients use the forward proxy, for the viewers of the board.
class HeadKeeper {
 public:
  enum class Message : std::uint8_t { request, response };

  virtual ~HeadKeeper() = default;
  // The head of a message of the record's request, with its empty line, as received and as sent.
  virtual void keep(const request_info& record, Message message, std::string_view received,
                    std::string_view sent) noexcept = 0;
  // A request came to the forward proxy from that address, with this User-Agent (empty: none).
  virtual void note_client(const sys::Address& client, std::string_view agent) noexcept = 0;
};
