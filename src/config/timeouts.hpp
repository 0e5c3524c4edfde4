// Timeouts of a route, a server or a listener in the configuration file: the keys are those of the options.
#pragma once
#include "../plan/waits.hpp"
#include "value.hpp"

namespace config {

// Puts the timeouts that the object gives before those of `out`, so that they count. Reports errors.
void read_timeouts(const FileObject& object, plan::Timeouts& out);

}  // namespace config
