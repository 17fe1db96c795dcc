// Counts broken AXI rules and keeps the text of the first.
#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>

class Referee {
 public:
  uint64_t violations = 0;
  char first[256] = "";

  void check(bool kept, uint64_t cycle, const char* channel, const char* rule, uint64_t value) {
    if (__builtin_expect(kept, 1)) return;
    if (violations++ == 0)
      snprintf(first, sizeof first, "cycle %" PRIu64 ": %s %s (0x%" PRIx64 ")", cycle, channel, rule,
               value);
  }
};

// One channel that the machine drives: valid and payload must hold until ready.
template <typename Payload>
class Held {
 public:
  // Called before every clock edge with what the machine drives.
  void check(Referee& referee, uint64_t cycle, const char* channel, bool valid, bool ready,
             const Payload& payload) {
    if (waiting_) {
      referee.check(valid, cycle, channel, "dropped valid before ready", 0);
      if (valid) referee.check(payload == before_, cycle, channel, "changed before ready", 0);
    }
    waiting_ = valid && !ready;
    if (waiting_) before_ = payload;
  }

 private:
  bool waiting_ = false;
  Payload before_{};
};

// splitmix64: a seeded stream per channel, so that one channel's stalls do not move another's.
class Random {
 public:
  void seed(uint64_t seed, uint64_t channel) { state_ = seed * 0x9e3779b97f4a7c15u ^ (channel << 56); }

  // True with a probability of threshold / 2^32.
  bool hit(uint64_t threshold) { return threshold && (next() >> 32) < threshold; }

 private:
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  uint64_t state_ = 0;
};
