#include "trace_names.hpp"

#include <array>
#include <cstring>

#include "../base/reason.hpp"
#include "../base/trace.hpp"
#include "../plan/waits.hpp"
#include "../state/states.hpp"
#include "../sys/call_trace.hpp"
#include "findings.hpp"

namespace watch {
namespace {

constexpr std::size_t kErrors = base::TraceEntry::kErrorAbove + 1;
constexpr std::string_view kOtherError = "errno above 126";
constexpr auto kReasons = static_cast<std::size_t>(base::Reason::count);

template <std::size_t N, class NameOf>
std::array<std::string_view, N> make_list(NameOf name_of) {
  std::array<std::string_view, N> list;
  for (std::size_t i = 0; i < N; ++i) list[i] = name_of(i);
  return list;
}

std::string_view error_name(std::size_t error) {
  if (error == base::TraceEntry::kErrorAbove) return kOtherError;
  const char* const name = ::strerrorname_np(static_cast<int>(error));
  return name == nullptr ? std::string_view{} : name;
}

std::string_view error_text(std::size_t error) {
  if (error == base::TraceEntry::kErrorAbove) return kOtherError;
  const char* const text = ::strerrordesc_np(static_cast<int>(error));
  return text == nullptr ? std::string_view{} : text;
}

}  // namespace

const TraceNames& built_in_names() {
  static const auto waits = make_list<plan::kWaits>([](std::size_t i) { return plan::kWaitRows[i].what; });
  static const auto reasons =
      make_list<kReasons>([](std::size_t i) { return base::row(static_cast<base::Reason>(i)).name; });
  static const auto calls =
      make_list<sys::kCalls>([](std::size_t i) { return name(static_cast<sys::Call>(i)); });
  static const auto error_names = make_list<kErrors>(error_name);
  static const auto error_texts = make_list<kErrors>(error_text);
  static const auto findings = make_list<kFindings>([](std::size_t i) { return kFindingRows[i].code; });
  static const TraceNames names{.trace_events = base::kTraceEventNames,
                                .states = kStateNames,
                                .events = kEventNames,
                                .waits = waits,
                                .reasons = reasons,
                                .calls = calls,
                                .error_names = error_names,
                                .error_texts = error_texts,
                                .findings = findings};
  return names;
}

base::Writer& put_name(base::Writer& out, TraceNames::List list, std::size_t number) noexcept {
  const std::string_view name = name_in(list, number);
  return name.empty() ? out << '?' << std::uint64_t{number} : out << name;
}

}  // namespace watch
