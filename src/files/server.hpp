// Serves the files of a directory (RFC 9110). Returns a response as a value; the caller writes the head and
// sends the body.
#pragma once
#include "../base/body_source.hpp"
#include "../base/siphash.hpp"
#include "../http/head.hpp"
#include "../http/url_path.hpp"
#include "finder.hpp"
#include "listings.hpp"
#include "ranges.hpp"

namespace files {

struct Answer {
  std::uint16_t status = 200;
  // Header lines except Date, Connection, Content-Length and Transfer-Encoding.
  std::string fields;
  http::Body body;                           // until_eof: the length is unknown
  std::unique_ptr<base::BodySource> source;  // null: no body, or a HEAD request
  base::Reason reason = base::Reason::none;  // if set, the caller writes an error response with `fields`
  std::uint64_t work = 0;                    // units of work that were done for it
  bool pending = false;                      // not complete: ask again in the next turn
};

// One object serves all routes; `bounds` limit its memory.
class Server {
 public:
  explicit Server(const Bounds& bounds = {});
  Answer answer(const plan::WebRoute& route, const http::RequestHead& head, const http::FilePath& path,
                std::uint64_t now_ms, std::uint64_t wall_ms);
  // Drops all cached files and listings, after a reload.
  void forget() noexcept;
  // Drops listings that are not used; the next is due at `next_deadline` (ms; 0: none).
  void expire(std::uint64_t now) noexcept { listings_.expire(now); }
  [[nodiscard]] std::uint64_t next_deadline() const noexcept { return listings_.next_deadline(); }
  // The number of open descriptors, without those of the body sources.
  [[nodiscard]] std::size_t descriptors() const noexcept {
    return finder_.folders_open() + listings_.descriptors();
  }
  [[nodiscard]] const Cache& cache() const noexcept { return finder_.cache(); }

 private:
  struct Asked;

  Answer find(const Asked& asked);
  Answer by_name(const Asked& asked);
  Answer in_folder(const Asked& asked);
  Answer list(const Asked& asked);
  Answer send(const Asked& asked, FoundFile& found);
  Answer send_whole(const Asked& asked, FoundFile& found);
  Answer send_parts(FoundFile& found, const std::vector<ByteRange>& parts);

  Finder finder_;
  Listings listings_;
  base::SipKey boundary_key_;  // so that the contents of a file cannot contain the boundary
  std::uint64_t boundaries_ = 0;
};

// Opens the file of a `send_file` listener, under the same rules. Null on an error; `why` is the reason.
std::unique_ptr<base::BodySource> open_whole_file(const std::string& root, const std::string& file,
                                                  base::Reason& why);

}  // namespace files
