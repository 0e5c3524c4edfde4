#include "finder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "../base/budget.hpp"
#include "../http/rewrite.hpp"
#include "body_sources.hpp"
#include "encodings.hpp"
#include "gzip.hpp"

namespace files {
namespace {

using base::Reason;
using base::Work;
using std::string;
using What = FoundFile::What;
using Kind = sys::FileStatus::Kind;

constexpr std::uint64_t kTrustMs = 1000;  // how long a status is trusted
// The timestamps of some file systems have a resolution of two seconds.
constexpr std::int64_t kRacyMs = 2000;
constexpr std::uint64_t kGzipBytesMin = 256;  // smaller files do not gain from it
constexpr std::size_t kRootsMax = 64;

string system_types() {
  string list;
  constexpr std::size_t kMost = std::size_t{1} << 20;
  if (sys::read_file("/etc/mime.types", kMost, list) != 0) list.clear();
  return string{base::without_byte_order_mark(list)};
}

FoundFile refused(Reason why) {
  FoundFile found;
  found.why = why;
  return found;
}

string hex(std::uint64_t number) {
  std::array<char, 16> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number, 16).ptr};
}

std::int64_t seconds(std::int64_t ns) noexcept { return ns / 1'000'000'000; }

bool is_racy(const sys::FileStatus& status, std::uint64_t wall_ms) noexcept {
  const std::int64_t latest = std::max(status.modified_ns, status.changed_ns) / 1'000'000;
  return static_cast<std::int64_t>(wall_ms) < latest + kRacyMs;
}

// Reads a body source to its end; null on an error.
std::shared_ptr<const string> drained(base::BodySource& source) {
  auto text = std::make_shared<string>();
  std::array<std::byte, 16'384> room;
  for (;;) {
    const base::BodySource::Produced got = source.produce(room);
    if (got.got == base::BodySource::Got::failed) return nullptr;
    if (got.got == base::BodySource::Got::end) return text;
    text->append(reinterpret_cast<const char*>(room.data()), got.bytes);
  }
}

// Reads a file; null if it changes meanwhile.
std::shared_ptr<const string> read_whole(const sys::Fd& file, const sys::FileStatus& status) {
  auto text = std::make_shared<string>(status.size, '\0');
  for (std::uint64_t done = 0; done < status.size;) {
    const auto room = std::as_writable_bytes(std::span{*text}).subspan(done);
    const sys::Io io = sys::read_at(file.get(), done, room);
    if (io.outcome != sys::Outcome::done) return nullptr;
    done += io.bytes;
  }
  sys::FileStatus after;
  return sys::status_of(file, after) == 0 && after == status ? text : nullptr;
}

// RFC 9110 section 8.8: validators of the file's state and of its coding.
void put_validators(Representation& file, const sys::FileStatus& status, const string& form, bool varies,
                    std::uint64_t wall_ms) {
  // The inode would differ between servers of the same files, and tell about the file system.
  file.etag = '"' + hex(status.size) + '-' + hex(static_cast<std::uint64_t>(status.modified_ns)) + form + '"';
  file.validators = "ETag: " + file.etag + "\r\n";
  // Not in the future (section 8.8.2.1).
  file.modified_s = std::min(seconds(status.modified_ns), static_cast<std::int64_t>(wall_ms / 1000));
  if (file.modified_s >= 0) {
    std::array<char, http::kDateBytes> date;
    http::write_date(static_cast<std::uint64_t>(file.modified_s) * 1000, date);
    file.validators += "Last-Modified: " + string{date.data(), date.size()} + "\r\n";
  }
  if (varies) file.validators += "Vary: Accept-Encoding\r\n";
}

bool is_present(const sys::Fd& folder, const StatSnapshot& snapshot) {
  const sys::Opened file = sys::open_beneath(folder, snapshot.path.c_str(), sys::Access::look);
  sys::FileStatus status;
  if (!file.fd || sys::status_of(file.fd, status) != 0) return !snapshot.status && file.error == ENOENT;
  return snapshot.status == status;
}

}  // namespace

Reason reason_of_errno(int error) noexcept {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP: return Reason::file_not_found;
    case EACCES:
    case EPERM:
    case EXDEV:  // leads out of the directory
    case ENXIO:  // a socket
    case ENODEV: return Reason::file_forbidden;
    case EMFILE:
    case ENFILE: return Reason::no_descriptor;
    case ENOMEM: return Reason::no_memory;
    default: return Reason::file_unreadable;
  }
}

FoundFile open_served(const sys::Fd& folder, const string& name) {
  sys::Opened file = sys::open_beneath(folder, name.c_str(), sys::Access::read);
  if (!file.fd) return refused(reason_of_errno(file.error));
  FoundFile found;
  if (const int error = sys::status_of(file.fd, found.status); error != 0)
    return refused(reason_of_errno(error));
  found.fd = std::move(file.fd);
  if (found.status.kind == Kind::directory)
    found.what = What::folder;
  else if (found.status.kind == Kind::regular && found.status.world_readable)
    found.what = What::file;
  else
    return refused(Reason::file_forbidden);
  return found;
}

Finder::Finder(const Bounds& limits) : limits_(limits), types_(system_types()), cache_(limits.cache_bytes) {}

const Root* Finder::root(const plan::WebRoute& route, std::uint64_t now_ms, Reason& why) {
  auto place = std::find_if(roots_.begin(), roots_.end(), [&route](const auto& root) {
    return root->directory == route.directory && root->gzip == route.compresses() &&
           root->gzip_level == route.gzip_level && root->gzip_types == route.gzip_types &&
           root->charset == route.charset;
  });
  if (place != roots_.end() && now_ms < (*place)->opened_ms + kTrustMs) return place->get();
  sys::Opened folder = sys::open_directory(route.directory.c_str());
  if (!folder.fd) {
    why = reason_of_errno(folder.error);
    return nullptr;
  }
  if (place == roots_.end()) {
    if (roots_.size() == kRootsMax) roots_.erase(roots_.begin());
    auto made = std::make_unique<Root>();
    *made = {++roots_made_,
             route.directory,
             route.compresses(),
             route.gzip_level,
             route.gzip_types,
             route.charset,
             nullptr,
             0};
    place = roots_.insert(roots_.end(), std::move(made));
  }
  (*place)->folder = std::make_shared<const sys::Fd>(std::move(folder.fd));
  (*place)->opened_ms = now_ms;
  std::erase_if(folders_, [](const auto& opened) { return opened.expired(); });
  folders_.push_back((*place)->folder);
  return place->get();
}

std::size_t Finder::folders_open() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(folders_.begin(), folders_.end(), [](const auto& opened) { return !opened.expired(); }));
}

void Finder::forget() noexcept {
  roots_.clear();
  cache_.clear();
}

FoundFile Finder::find(const Request& request, const string& name) {
  string key = std::to_string(request.root.id) + (request.accepts_gzip ? 'g' : 'p') + name;
  if (Cache::Entry* const entry = cache_.find(key); entry != nullptr) {
    const bool trusted = request.now_ms < entry->checked_ms + kTrustMs;
    const auto good = [&request, this](const StatSnapshot& seen) {
      work_ += Work::kFileLookedUp;
      return is_present(*request.root.folder, seen);
    };
    if (trusted || (!entry->racy && std::all_of(entry->snapshots.begin(), entry->snapshots.end(), good))) {
      if (!trusted) entry->checked_ms = request.now_ms;
      FoundFile found;
      found.what = What::file;
      found.file = entry->what;
      return found;
    }
    cache_.drop(key);
  }
  return load(request, name, std::move(key));
}

// A file that may be chosen as the representation.
struct Finder::Candidate {
  string name;
  sys::Fd fd;
  sys::FileStatus status;
  string type;
  string form;  // empty: as it is
  bool there = true;
};

FoundFile Finder::open(const Request& request, const string& name) {
  work_ += Work::kFileLookedUp;
  return open_served(*request.root.folder, name);
}

FoundFile Finder::load(const Request& request, const string& name, string key) {
  FoundFile found = open(request, name);
  if (found.what != What::file) return found;
  Candidate plain{
      name, std::move(found.fd), found.status, with_charset(types_.of(name), request.root.charset), {}};
  Candidate prepared{name + ".gz", {}, {}, plain.type, "-gz", false};
  Cache::Entry entry;
  entry.key = std::move(key);
  entry.checked_ms = request.now_ms;
  entry.racy = is_racy(plain.status, request.wall_ms);
  entry.snapshots.push_back({name, plain.status});
  if (request.root.gzip) {
    FoundFile beside = open(request, prepared.name);
    prepared.status = beside.status;
    prepared.there = beside.what == What::file && beside.status.modified_ns >= plain.status.modified_ns;
    prepared.fd = std::move(beside.fd);
    // An existing file that is not served is checked again each time.
    const bool absent = beside.why == Reason::file_not_found;
    entry.racy |= beside.what != What::file ? !absent : is_racy(beside.status, request.wall_ms);
    entry.snapshots.push_back(
        {prepared.name, absent ? std::nullopt : std::optional<sys::FileStatus>{prepared.status}});
  }
  const std::shared_ptr<Representation> chosen = choose(request, plain, prepared);
  const bool sends_prepared = chosen->coding.empty() ? false : prepared.there;
  found.status = sends_prepared ? prepared.status : plain.status;
  found.fd = std::move(sends_prepared ? prepared.fd : plain.fd);
  found.file = chosen;
  entry.what = chosen;
  if (chosen->content) cache_.put(std::move(entry));
  return found;
}

// The representation of the file as it is.
std::shared_ptr<Representation> Finder::represent(const Request& request, Candidate& file, bool varies) {
  auto made = std::make_shared<Representation>();
  put_validators(*made, file.status, file.form, varies, request.wall_ms);
  made->type = file.type;
  if (!file.form.empty()) made->coding = "Content-Encoding: gzip\r\n";
  made->length = file.status.size;
  if (file.status.size > limits_.cached_file) return made;
  work_ += 1 + file.status.size / Work::kFileBytes;
  made->content = read_whole(file.fd, file.status);
  return made;
}

// Compresses a file that is in memory, if it can.
void Finder::compress(const Request& request, Representation& file) {
  auto source = whole_file_source({file.content, {}}, *file.length);
  const auto gzip = make_gzip(source, request.root.gzip_level, nullptr);
  const auto packed = gzip ? drained(*gzip) : nullptr;
  if (gzip) work_ += gzip->work();
  if (packed == nullptr) return;
  file.content = packed;
  file.length = packed->size();
  file.in_ranges = false;
}

std::shared_ptr<Representation> Finder::choose(const Request& request, Candidate& plain,
                                               Candidate& prepared) {
  const Root& root = request.root;
  const bool worth = root.gzip && has_gzip() && plain.status.size >= kGzipBytesMin &&
                     is_compressible(plain.type, root.gzip_types);
  const bool varies = worth || prepared.there;
  if (request.accepts_gzip && prepared.there) return represent(request, prepared, true);
  auto made = represent(request, plain, varies);
  if (!request.accepts_gzip || !worth) return made;
  if (made->content) {
    compress(request, *made);
  } else if (has_stream()) {
    made->length.reset();
    made->in_ranges = false;
  }
  if (made->in_ranges) return made;  // not compressed
  made->coding = "Content-Encoding: gzip\r\n";
  put_validators(*made, plain.status, "-z" + std::to_string(root.gzip_level), true, request.wall_ms);
  return made;
}

}  // namespace files
