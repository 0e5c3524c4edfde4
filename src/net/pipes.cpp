#include "pipes.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace net {

void PipeReturn::operator()(Pipe* pipe) const noexcept { pipe->home->give(*pipe); }

Pipes::Pipes(std::size_t most) : pipes_(std::min(most, kMost)) {
  for (Pipe& pipe : pipes_) {
    pipe.home = this;
    pipe.next = std::exchange(closed_, &pipe);
  }
}

PipePtr Pipes::take() noexcept {
  if (disabled_) return nullptr;
  Pipe* pipe = spare_;
  if (pipe != nullptr) {
    spare_ = pipe->next;
    --spares_;
  } else if (pipe = opened(); pipe == nullptr) {
    return nullptr;
  }
  ++used_;
  taken_ = true;
  return PipePtr{pipe};
}

// Opens a pipe. Returns null at the limit or if pipe2(2) failed.
Pipe* Pipes::opened() noexcept {
  if (closed_ == nullptr) return nullptr;
  if (refusals_ > 0) {
    --refusals_;
    return nullptr;
  }
  sys::Pipe fresh = sys::make_pipe();
  if (fresh.error != 0) {
    refusals_ = kRefusals;
    return nullptr;
  }
  Pipe* const pipe = closed_;
  closed_ = pipe->next;
  pipe->in = std::move(fresh.in);
  pipe->out = std::move(fresh.out);
  pipe->large = large_ < kLargeMost && sys::resize_pipe(pipe->in, sys::kPipeBytesMax) == 0;
  large_ += pipe->large ? 1 : 0;
  return pipe;
}

void Pipes::give(Pipe& pipe) noexcept {
  assert(used_ > 0);
  --used_;
  // PLANT(pipe-returned-empty)
  if (pipe.held == 0 && spares_ < kSpareMax) {
    pipe.next = std::exchange(spare_, &pipe);
    ++spares_;
    return;
  }
  close(pipe);
}

void Pipes::close(Pipe& pipe) noexcept {
  pipe.in.reset();
  pipe.out.reset();
  pipe.held = 0;
  large_ -= pipe.large ? 1 : 0;
  pipe.large = false;
  pipe.next = std::exchange(closed_, &pipe);
}

void Pipes::expire(std::uint64_t now) noexcept {
  if (std::exchange(taken_, false) || used_ > 0) used_at_ = now;
  if (now < used_at_ + kIdleMs) return;
  for (; spare_ != nullptr; --spares_) close(*std::exchange(spare_, spare_->next));
}

std::uint64_t Pipes::next_deadline() const noexcept {
  return spares_ == 0 || used_ > 0 ? 0 : used_at_ + kIdleMs;
}

}  // namespace net
