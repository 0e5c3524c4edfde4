// The request that `proxy explain` is asked about, and the listener that gets it.
#pragma once
#include "../plan/config.hpp"
#include "../plan/this_machine.hpp"
#include "question.hpp"

namespace explain {

struct Asked {
  const plan::Config& config;
  const plan::Listener& listener;
  const plan::ThisMachine& machine;
  const Question& question;
  std::string_view text;          // the head
  const http::RequestHead& head;  // what was parsed from it
};

// As which version the request is forwarded.
inline http::Version version_of(const Asked& asked) noexcept {
  return asked.config.http10 ? http::Version::http10 : asked.head.version;
}

// A listener of another role than forward proxy that the URL leads to gets the request itself: one with the
// port and the address of the URL, or, if the URL has a name, with a site of this name, or any if there is no
// forward proxy. All other requests are for the forward proxy. Null: no listener gets it.
const plan::Listener* asked_listener(const plan::Config& config, const plan::ThisMachine& machine,
                                     const http::RequestHead& head);

}  // namespace explain
