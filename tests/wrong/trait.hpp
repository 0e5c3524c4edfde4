// The trait of a proxy: the part of the program's name after its first hyphen.
#pragma once
#include <cstring>
#include <string>

inline std::string& trait_name() {
  static std::string name;
  return name;
}

// Takes the trait from argv[0].
inline void read_trait(const char* program) {
  const char* const slash = std::strrchr(program, '/');
  const std::string name = slash != nullptr ? slash + 1 : program;
  trait_name() = name.find('-') == std::string::npos ? "" : name.substr(name.find('-') + 1);
}

// Whether this program has the trait.
inline bool has(const char* name) { return trait_name() == name; }
