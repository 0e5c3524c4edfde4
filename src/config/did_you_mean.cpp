#include "did_you_mean.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace config {
namespace {

using std::string_view;

constexpr std::size_t kDistanceMax = 3;
constexpr std::size_t kNameMax = 64;  // a longer name resembles none

// Levenshtein distance: the number of letters to add, remove or change.
std::size_t distance(string_view a, string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

string_view nearest(string_view name, std::span<const string_view> names, std::size_t most) {
  if (name.size() > kNameMax) return {};
  const auto found = std::min_element(names.begin(), names.end(), [name](string_view a, string_view b) {
    return distance(a, name) < distance(b, name);
  });
  return found != names.end() && distance(*found, name) <= most ? *found : string_view{};
}

std::string did_you_mean(string_view name, std::span<const string_view> names) {
  const string_view near = nearest(name, names, std::min(kDistanceMax, name.size() / 2));
  return near.empty() ? std::string{} : " (did you mean '" + std::string{near} + "'?)";
}

}  // namespace config
