// Files of a folder as answers of a web server (RFC 9110). It decides and opens; who calls it writes the
// head, and sends the body from the feed.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../base/body_source.hpp"
#include "../base/reason.hpp"
#include "../base/siphash.hpp"
#include "../http/head.hpp"
#include "../http/url_path.hpp"
#include "../plan/roles.hpp"
#include "finder.hpp"
#include "ranges.hpp"

namespace files {

struct Answer {
  std::uint16_t status = 200;
  // Whole lines of the head, but for Date, Connection, Content-Length and Transfer-Encoding.
  std::string fields;
  http::Body body;                           // until_eof: the length is not known beforehand
  std::unique_ptr<base::BodySource> feed;    // null: there is no body, or the request was a HEAD
  base::Reason reason = base::Reason::none;  // if set, the caller writes the page, with `fields` in its head
};

// One for the whole program: the memory it takes is bounded by its limits, whatever is asked for.
class Server {
 public:
  explicit Server(const Bounds& limits = {});

  // Why nothing in `directory` can be served, as one line for whoever runs the program; empty if it can be.
  [[nodiscard]] static std::string fault(const std::string& directory);

  Answer answer(const plan::WebRoute& route, const http::RequestHead& head, const http::FilePath& path,
                std::uint64_t now_ms, std::uint64_t wall_ms);
  // After the configuration was read anew.
  void forget() noexcept { finder_.forget(); }
  [[nodiscard]] const Cache& cache() const noexcept { return finder_.cache(); }

 private:
  struct Asked;

  Answer by_name(const Asked& asked);
  Answer in_folder(const Asked& asked);
  Answer list(const Asked& asked, const Found& folder);
  Answer send(const Asked& asked, Found& found);
  Answer send_whole(const Asked& asked, Found& found);
  Answer send_parts(Found& found, const std::vector<ByteRange>& parts);

  Bounds limits_;
  Finder finder_;
  base::SipKey boundary_key_;  // so that nobody can put a boundary into a file beforehand
  std::uint64_t boundaries_ = 0;
};

// The file of a listener that sends one, under the same rules; null, and why, if it cannot be had.
std::unique_ptr<base::BodySource> open_whole_file(const std::string& root, const std::string& file,
                                                  base::Reason& why);

}  // namespace files
