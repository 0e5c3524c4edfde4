// A page that is made at most once a second while clients receive it, so that no client that does not read
// holds a copy of its own.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace watch {

// Times are monotonic, ms.
class SharedPage {
 public:
  static constexpr std::uint64_t kSharedMs = 1000;

  // Returns the last page if it is less than a second old and a client still receives it; else the one that
  // `make()` returns.
  template <class Make>
  std::shared_ptr<const std::string> get(std::uint64_t now, Make make) {
    auto text = text_.lock();
    if (text != nullptr && now < made_ms_ + kSharedMs) return text;
    text = std::make_shared<const std::string>(make());
    text_ = text;
    made_ms_ = now;
    return text;
  }

 private:
  std::weak_ptr<const std::string> text_;
  std::uint64_t made_ms_ = 0;
};

}  // namespace watch
