// DRAM behind an AXI4 slave: latency, bandwidth, stalls and errors as set.
//
// Cycle numbers: what is handshaken at the clock edge that ends cycle t is answered, at the
// earliest, in cycle t + latency. The slave's outputs come from registers, so the least is 1.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "referee.h"

// The same fields in the same order as simulator.py's _Settings.
struct Settings {
  uint64_t memory_base, memory_size, seed;
  uint64_t latency, write_latency;    // cycles
  uint64_t beats, per_cycles;         // data beats in so many cycles, each direction
  uint64_t outstanding;               // bursts of each direction that are accepted ahead
  uint64_t stall_ar, stall_r, stall_aw, stall_w, stall_b, stall_lite;  // probabilities * 2^32
  uint64_t error_base, error_limit;   // answers SLVERR
};

struct Stats {
  uint64_t cycles, violations;
  uint64_t read_bursts, read_beats, write_bursts, write_beats;
  uint64_t reads_outstanding, writes_outstanding;
};

struct Address {
  uint64_t addr, len, size, burst, id, lock, cache, prot, qos;
  bool operator==(const Address& o) const { return memcmp(this, &o, sizeof o) == 0; }
};

struct WriteBeat {
  std::array<uint8_t, BUS_BYTES> data;
  uint64_t strobe;
  uint64_t last;
  bool operator==(const WriteBeat& o) const {
    return data == o.data && strobe == o.strobe && last == o.last;
  }
};

// Lets pass `beats` in `per_cycles` cycles, evenly.
class Throttle {
 public:
  void tick(const Settings& s) {
    // Idle cycles save up for no more than one beat, but keep the fraction.
    uint64_t most = s.per_cycles + s.beats - 1;
    credit_ += s.beats;
    if (credit_ > most) credit_ = most;
  }
  bool open(const Settings& s) const { return credit_ >= s.per_cycles; }
  void take(const Settings& s) { credit_ -= s.per_cycles; }

 private:
  uint64_t credit_ = 0;
};

template <typename Top>
class Memory {
 public:
  Memory(const Settings& settings, uint8_t* bytes, Referee& referee)
      : s_(settings), bytes_(bytes), referee_(referee) {
    Random* streams[] = {&random_ar_, &random_r_, &random_aw_, &random_w_, &random_b_};
    for (int i = 0; i < 5; i++) streams[i]->seed(s_.seed, i + 1);
  }

  std::vector<std::pair<uint64_t, uint64_t>> windows;  // where writes may go; anywhere if empty

  void fill(Stats& stats) const {
    stats = stats_;
    stats.reads_outstanding = reads_.size();
    stats.writes_outstanding = writes_.size();
  }

  // Channels on which the memory does nothing: bits 0 to 4 for AR, R, AW, W, B.
  unsigned hung = 0;

  // The memory's own reset: it owes nothing, offers nothing and takes nothing.
  void reset(Top& t) {
    reads_.clear(), writes_.clear(), early_.clear();
    full_ = 0;
    taken_r_ = taken_b_ = false;
    held_ar_ = held_aw_ = {};
    held_w_ = {};
    t.m_axi_arready = t.m_axi_rvalid = t.m_axi_awready = t.m_axi_wready = t.m_axi_bvalid = 0;
  }

  // Before the edge: takes what is handshaken at the edge that ends `cycle`.
  void sample(const Top& t, uint64_t cycle) {
    sample_reads(t, cycle);
    sample_writes(t, cycle);
  }

  // After the edge: what the slave offers in `cycle`.
  void drive(Top& t, uint64_t cycle) {
    drive_reads(t, cycle);
    drive_writes(t, cycle);
  }

 private:
  struct Read {
    uint64_t addr, beats, id, due, done;
  };
  struct Write {
    uint64_t addr, beats, id, due;
    std::vector<WriteBeat> data;
    bool full() const { return data.size() == beats; }
  };

  void sample_reads(const Top& t, uint64_t cycle) {
    taken_r_ = t.m_axi_rvalid && t.m_axi_rready;
    if (taken_r_) {
      stats_.read_beats++;
      if (++reads_.front().done == reads_.front().beats) reads_.pop_front();
    }
    Address a{t.m_axi_araddr, t.m_axi_arlen,   t.m_axi_arsize, t.m_axi_arburst, t.m_axi_arid,
              t.m_axi_arlock, t.m_axi_arcache, t.m_axi_arprot, t.m_axi_arqos};
    held_ar_.check(referee_, cycle, "AR", t.m_axi_arvalid, t.m_axi_arready, a);
    if (t.m_axi_arvalid && t.m_axi_arready) {
      check_burst("AR", a, cycle);
      stats_.read_bursts++;
      reads_.push_back({a.addr, a.len + 1, a.id, cycle + s_.latency, 0});
    }
  }

  void sample_writes(const Top& t, uint64_t cycle) {
    taken_b_ = t.m_axi_bvalid && t.m_axi_bready;
    if (taken_b_) {
      writes_.pop_front();
      full_--;
    }
    Address a{t.m_axi_awaddr, t.m_axi_awlen,   t.m_axi_awsize, t.m_axi_awburst, t.m_axi_awid,
              t.m_axi_awlock, t.m_axi_awcache, t.m_axi_awprot, t.m_axi_awqos};
    held_aw_.check(referee_, cycle, "AW", t.m_axi_awvalid, t.m_axi_awready, a);
    if (t.m_axi_awvalid && t.m_axi_awready) {
      check_burst("AW", a, cycle);
      stats_.write_bursts++;
      writes_.push_back({a.addr, a.len + 1, a.id, 0, {}});
    }
    WriteBeat beat;
    if (t.m_axi_wvalid) {
      memcpy(beat.data.data(), &t.m_axi_wdata, BUS_BYTES);
      beat.strobe = t.m_axi_wstrb;
      beat.last = t.m_axi_wlast;
    }
    held_w_.check(referee_, cycle, "W", t.m_axi_wvalid, t.m_axi_wready, beat);
    if (t.m_axi_wvalid && t.m_axi_wready) {
      stats_.write_beats++;
      throttle_w_.take(s_);
      early_.push_back(beat);
    }
    // Data may come before its address, so beats meet their burst here.
    while (!early_.empty() && full_ < writes_.size()) {
      Write& w = writes_[full_];
      w.data.push_back(early_.front());
      early_.pop_front();
      referee_.check(bool(w.data.back().last) == w.full(), cycle, "W", "has last at the wrong beat",
                     w.data.size());
      if (w.full()) {
        w.due = cycle + s_.write_latency;
        full_++;
      }
    }
  }

  void drive_reads(Top& t, uint64_t cycle) {
    throttle_r_.tick(s_);
    if (taken_r_) t.m_axi_rvalid = 0;
    if (!t.m_axi_rvalid && !hangs(1) && reads_.size() && cycle >= reads_.front().due && throttle_r_.open(s_) &&
        !random_r_.hit(s_.stall_r)) {
      throttle_r_.take(s_);
      offer(t, reads_.front());
    }
    t.m_axi_arready = !hangs(0) && reads_.size() < s_.outstanding && !random_ar_.hit(s_.stall_ar);
  }

  void offer(Top& t, const Read& r) {
    uint64_t addr = r.addr + r.done * BUS_BYTES;
    unsigned code = response(addr);
    if (code)
      memset(&t.m_axi_rdata, 0xee, BUS_BYTES);
    else
      memcpy(&t.m_axi_rdata, bytes_ + (addr - s_.memory_base), BUS_BYTES);
    t.m_axi_rvalid = 1;
    t.m_axi_rresp = code;
    t.m_axi_rid = r.id;
    t.m_axi_rlast = r.done + 1 == r.beats;
  }

  void drive_writes(Top& t, uint64_t cycle) {
    throttle_w_.tick(s_);
    if (taken_b_) t.m_axi_bvalid = 0;
    if (!t.m_axi_bvalid && !hangs(4) && full_ && cycle >= writes_.front().due && !random_b_.hit(s_.stall_b)) {
      // A write lands when its response is offered: who reads earlier reads what was there.
      t.m_axi_bvalid = 1;
      t.m_axi_bid = writes_.front().id;
      t.m_axi_bresp = land(writes_.front(), cycle);
    }
    t.m_axi_awready =
        !hangs(2) && writes_.size() < s_.outstanding && !random_aw_.hit(s_.stall_aw);
    t.m_axi_wready = !hangs(3) && early_.size() < 16 && throttle_w_.open(s_) &&
                     !random_w_.hit(s_.stall_w);
  }

  bool hangs(unsigned channel) const { return hung >> channel & 1; }

  unsigned land(const Write& w, uint64_t cycle) {
    unsigned worst = 0;
    for (uint64_t beat = 0; beat < w.beats; beat++) {
      uint64_t addr = w.addr + beat * BUS_BYTES, strobe = w.data[beat].strobe;
      unsigned code = response(addr);
      if (code > worst) worst = code;
      if (!strobe) continue;
      bool allowed = inside(addr + __builtin_ctzll(strobe), addr + 64 - __builtin_clzll(strobe));
      referee_.check(allowed, cycle, "W", "went outside the write window", addr);
      if (code || !allowed) continue;
      for (unsigned i = 0; i < BUS_BYTES; i++)
        if (strobe >> i & 1) bytes_[addr - s_.memory_base + i] = w.data[beat].data[i];
    }
    return worst;
  }

  bool inside(uint64_t first, uint64_t limit) const {
    if (windows.empty()) return true;
    for (auto& [base, end] : windows)
      if (first >= base && limit <= end) return true;
    return false;
  }

  // AXI response code of one beat: OKAY, SLVERR or DECERR.
  unsigned response(uint64_t addr) const {
    if (addr < s_.memory_base || addr + BUS_BYTES > s_.memory_base + s_.memory_size) return 3;
    return addr < s_.error_limit && addr + BUS_BYTES > s_.error_base ? 2 : 0;
  }

  void check_burst(const char* channel, const Address& a, uint64_t cycle) {
    uint64_t last = a.addr + (a.len + 1) * BUS_BYTES - 1;
    referee_.check(a.addr % BUS_BYTES == 0, cycle, channel, "is not aligned to the bus", a.addr);
    referee_.check(a.addr >> 12 == last >> 12, cycle, channel, "crosses 4 KiB", a.addr);
    referee_.check(1u << a.size == BUS_BYTES, cycle, channel, "has a size other than the bus", a.size);
    referee_.check(a.burst == 1, cycle, channel, "is not an incrementing burst", a.burst);
    referee_.check(a.lock == 0, cycle, channel, "is locked", a.lock);
  }

  const Settings s_;
  uint8_t* bytes_;
  Referee& referee_;
  Stats stats_{};
  Random random_ar_, random_r_, random_aw_, random_w_, random_b_;
  Throttle throttle_r_, throttle_w_;
  Held<Address> held_ar_, held_aw_;
  Held<WriteBeat> held_w_;
  std::deque<Read> reads_;
  std::deque<Write> writes_;
  std::deque<WriteBeat> early_;
  size_t full_ = 0;  // writes, from the front, that have all their data
  bool taken_r_ = false, taken_b_ = false;
};
