// Finds the file that a name below a directory stands for, and chooses its representation.
#pragma once
#include "../base/reason.hpp"
#include "../plan/roles.hpp"
#include "cache.hpp"
#include "media_types.hpp"

namespace files {

struct Bounds {
  std::size_t cache_bytes = std::size_t{16} << 20;    // of all cached files
  std::size_t cached_file = std::size_t{64} << 10;    // larger files are sent from the file system
  std::size_t listing_bytes = std::size_t{32} << 20;  // of the rows of one directory: 100,000 long names
  long gzip_streams = 128;                            // concurrent compressions, about 300 KiB each
};

// A directory with the compression settings of its route.
struct Root {
  std::uint64_t id = 0;
  std::string directory;
  bool gzip = false;
  int gzip_level = 6;
  std::vector<std::string> gzip_types;
  std::string charset;
  std::shared_ptr<const sys::Fd> folder;
  std::uint64_t opened_ms = 0;
};

struct FoundFile {
  enum class What : std::uint8_t { file, folder, refused };
  What what = What::refused;
  base::Reason why = base::Reason::none;       // refused
  std::shared_ptr<const Representation> file;  // file
  sys::Fd fd;                                  // directory, or the file if it is not in memory
  sys::FileStatus status;                      // of `fd`
};

// The reason for an errno value of open.
base::Reason reason_of_errno(int error) noexcept;
// Opens a file that is readable for all users, or a directory, which need not be readable. Refuses everything
// else, and all below a directory that other users may not search.
FoundFile open_served(const sys::Fd& folder, const std::string& name);

class Finder {
 public:
  struct Request {
    const Root& root;
    bool accepts_gzip;
    std::uint64_t now_ms, wall_ms;
  };

  // Reads the system's media types.
  explicit Finder(const Bounds& limits);

  // The root of a route. Null if its directory cannot be opened; `why` is the reason. The directory is
  // reopened each second, since its name may point to another one by then.
  const Root* root(const plan::WebRoute& route, std::uint64_t now_ms, base::Reason& why);
  // `name` as in http::FilePath.
  FoundFile find(const Request& request, const std::string& name);
  // Opens the file or directory, like `open_served`.
  FoundFile open(const Request& request, const std::string& name);
  // Counts a compressing body source as long as it holds the ticket.
  [[nodiscard]] std::shared_ptr<void> ticket() const noexcept { return streams_; }
  [[nodiscard]] bool has_stream() const noexcept { return streams_.use_count() <= limits_.gzip_streams; }
  void forget() noexcept;
  // The directories of roots that are open: a listing may still use one that was opened again.
  [[nodiscard]] std::size_t folders_open() const noexcept;
  // Units of work done so far.
  [[nodiscard]] std::uint64_t work() const noexcept { return work_; }
  [[nodiscard]] const Cache& cache() const noexcept { return cache_; }

 private:
  struct Candidate;

  FoundFile load(const Request& request, const std::string& name, std::string key);
  std::shared_ptr<Representation> represent(const Request& request, Candidate& file, bool varies);
  std::shared_ptr<Representation> choose(const Request& request, Candidate& plain, Candidate& prepared);
  void compress(const Request& request, Representation& file);

  Bounds limits_;
  MediaTypes types_;
  Cache cache_;
  std::vector<std::unique_ptr<Root>> roots_;
  std::vector<std::weak_ptr<const sys::Fd>> folders_;  // that were opened, and some that are closed
  std::uint64_t roots_made_ = 0;
  std::uint64_t work_ = 0;
  std::shared_ptr<int> streams_ = std::make_shared<int>();
};

}  // namespace files
