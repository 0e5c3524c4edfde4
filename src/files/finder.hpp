// What the name of a file below a folder stands for, and in which form it is sent; small files are kept.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../base/reason.hpp"
#include "../plan/roles.hpp"
#include "../sys/sys.hpp"
#include "cache.hpp"
#include "media_types.hpp"

namespace files {

struct Bounds {
  std::size_t cache_bytes = std::size_t{16} << 20;  // all that is held in memory
  std::size_t cached_file = std::size_t{64} << 10;  // a larger file is sent from where it lies
  std::size_t listed = 2'000;                       // entries of a folder: a few ms, in one go
  long gzip_streams = 128;                          // at once; of about 300 KiB each
};

// A folder that is served in one way.
struct Root {
  std::uint64_t id = 0;
  std::string directory;
  bool gzip = false;
  int gzip_level = 6;
  std::vector<std::string> gzip_types;
  sys::Fd folder;
  std::uint64_t opened_ms = 0;
};

struct Found {
  enum class What : std::uint8_t { file, folder, refused };
  What what = What::refused;
  base::Reason why = base::Reason::none;       // refused
  std::shared_ptr<const Representation> file;  // file
  sys::Fd fd;                                  // folder, or the file if it does not lie in memory
  sys::FileStatus status;                      // of `fd`
};

// What becomes of a file that cannot be opened.
base::Reason reason_of_errno(int error) noexcept;
// Opens for reading what everybody may read. Refused otherwise, and for what is neither file nor folder; a
// folder need not be readable.
Found open_served(const sys::Fd& folder, const std::string& name);

class Finder {
 public:
  struct Request {
    const Root& root;
    bool accepts_gzip;
    std::uint64_t now_ms, wall_ms;
  };

  // Reads the system's list of media types.
  explicit Finder(const Bounds& limits);

  // The root of a route; null, and why, if its folder cannot be opened. It is opened anew each second, since
  // its name may come to stand for another folder.
  const Root* root(const plan::WebRoute& route, std::uint64_t now_ms, base::Reason& why);
  // `name` as in http::FilePath.
  Found find(const Request& request, const std::string& name);
  // What a feed that makes gzip holds as long as it lives, so that they are counted.
  [[nodiscard]] std::shared_ptr<void> ticket() const noexcept { return streams_; }
  [[nodiscard]] bool has_stream() const noexcept { return streams_.use_count() <= limits_.gzip_streams; }
  void forget() noexcept;
  [[nodiscard]] const Cache& cache() const noexcept { return cache_; }

 private:
  struct Candidate;

  Found load(const Request& request, const std::string& name, std::string key);
  std::shared_ptr<Representation> represent(const Request& request, Candidate& file, bool varies) const;
  std::shared_ptr<Representation> choose(const Request& request, Candidate& plain, Candidate& prepared) const;

  Bounds limits_;
  MediaTypes types_;
  Cache cache_;
  std::vector<std::unique_ptr<Root>> roots_;
  std::uint64_t roots_made_ = 0;
  std::shared_ptr<int> streams_ = std::make_shared<int>();
};

}  // namespace files
