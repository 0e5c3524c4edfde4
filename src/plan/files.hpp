// Files of a folder as answers of a web server (RFC 9110). It decides and opens; who calls it writes the
// head, and sends the body from the feed.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../base/feed.hpp"
#include "../base/reason.hpp"
#include "../base/siphash.hpp"
#include "../http/head.hpp"
#include "file_finder.hpp"
#include "ranges.hpp"
#include "roles.hpp"
#include "url_path.hpp"

namespace plan {

struct FileAnswer {
  std::uint16_t status = 200;
  // Whole lines of the head, but for Date, Connection, Content-Length and Transfer-Encoding.
  std::string fields;
  http::Body body;                           // until_eof: the length is not known beforehand
  std::unique_ptr<base::Feed> feed;          // null: there is no body, or the request was a HEAD
  base::Reason reason = base::Reason::none;  // if set, the caller writes the page, with `fields` in its head
};

// One for the whole program: the memory it takes is bounded by its limits, whatever is asked for.
class Files {
 public:
  explicit Files(const FileLimits& limits = {});

  // Why nothing in `directory` can be served, as one line for whoever runs the program; empty if it can be.
  [[nodiscard]] static std::string fault(const std::string& directory);

  // `below` is what follows the route's prefix in the request's path, with its query.
  FileAnswer answer(const WebRoute& route, const http::RequestHead& head, std::string_view below,
                    std::uint64_t now_ms, std::uint64_t wall_ms);
  // After the configuration was read anew.
  void forget() noexcept { finder_.forget(); }
  [[nodiscard]] const FileCache& cache() const noexcept { return finder_.cache(); }

 private:
  struct Asked;

  FileAnswer by_name(const Asked& asked);
  FileAnswer in_folder(const Asked& asked);
  FileAnswer list(const Asked& asked, const FileFound& folder);
  FileAnswer send(const Asked& asked, FileFound& found);
  FileAnswer send_whole(const Asked& asked, FileFound& found);
  FileAnswer send_parts(FileFound& found, const std::vector<ByteRange>& parts);

  FileLimits limits_;
  FileFinder finder_;
  base::SipKey boundary_key_;  // so that nobody can put a boundary into a file beforehand
  std::uint64_t boundaries_ = 0;
};

// The file of a listener that sends one, under the same rules; null, and why, if it cannot be had.
std::unique_ptr<base::Feed> open_whole_file(const std::string& root, const std::string& file,
                                            base::Reason& why);

}  // namespace plan
