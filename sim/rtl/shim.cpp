// The loop around a compiled machine: clock, register port, memory, referee. Included behind the
// generated model in one translation unit; BUS_BYTES, the bytes of the data bus, is defined there.
//
// A cycle: sample what the machine drives, clock edge, drive new inputs, let them settle.

#include "memory.h"
#include "referee.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

// Register accesses, one at a time, each a full handshake on its channels.
class Lite {
 public:
  Lite(const Settings& s, Referee& referee) : stall_(s.stall_lite), referee_(referee) {
    for (int i = 0; i < 5; i++) random_[i].seed(s.seed, 16 + i);
  }

  void start_write(uint32_t addr, uint32_t data) {
    addr_ = addr, data_ = data;
    aw_ = w_ = b_ = true;
  }
  void start_read(uint32_t addr) {
    addr_ = addr;
    ar_ = r_ = true;
  }
  void give_up() { aw_ = w_ = b_ = ar_ = r_ = false; }
  void reset(Vtop& t) {
    give_up();
    held_b_ = {};
    held_r_ = {};
    drive(t);
  }
  bool busy() const { return b_ || r_; }
  uint32_t data() const { return data_; }
  int response() const { return response_; }

  void sample(const Vtop& t, uint64_t cycle) {
    held_b_.check(referee_, cycle, "register B", t.s_axi_bvalid, t.s_axi_bready, t.s_axi_bresp);
    uint64_t read = uint64_t(t.s_axi_rdata) << 2 | t.s_axi_rresp;
    held_r_.check(referee_, cycle, "register R", t.s_axi_rvalid, t.s_axi_rready, read);
    referee_.check(!t.s_axi_bvalid || (b_ && !aw_ && !w_), cycle, "register B",
                   "answers no complete write", addr_);
    referee_.check(!t.s_axi_rvalid || (r_ && !ar_), cycle, "register R", "answers no read", addr_);
    if (t.s_axi_awvalid && t.s_axi_awready) aw_ = false;
    if (t.s_axi_wvalid && t.s_axi_wready) w_ = false;
    if (t.s_axi_arvalid && t.s_axi_arready) ar_ = false;
    if (t.s_axi_bvalid && t.s_axi_bready) b_ = false, response_ = t.s_axi_bresp;
    if (t.s_axi_rvalid && t.s_axi_rready) {
      r_ = false;
      response_ = t.s_axi_rresp;
      data_ = t.s_axi_rdata;
    }
  }

  void drive(Vtop& t) {
    t.s_axi_awvalid = aw_ && (t.s_axi_awvalid || !random_[0].hit(stall_));
    t.s_axi_wvalid = w_ && (t.s_axi_wvalid || !random_[1].hit(stall_));
    t.s_axi_arvalid = ar_ && (t.s_axi_arvalid || !random_[2].hit(stall_));
    t.s_axi_bready = b_ && !random_[3].hit(stall_);
    t.s_axi_rready = r_ && !random_[4].hit(stall_);
    t.s_axi_awaddr = t.s_axi_araddr = addr_;
    t.s_axi_wdata = data_;
    t.s_axi_wstrb = 15;
  }

 private:
  uint64_t stall_;
  Referee& referee_;
  Random random_[5];
  Held<uint8_t> held_b_;
  Held<uint64_t> held_r_;
  bool aw_ = false, w_ = false, b_ = false, ar_ = false, r_ = false;
  uint32_t addr_ = 0, data_ = 0;
  int response_ = 0;
};

class Bench {
 public:
  Bench(const Settings& s, uint8_t* bytes)
      : top_(&context_), memory_(s, bytes, referee_), lite_(s, referee_) {}

  ~Bench() {
#if VM_TRACE
    if (trace_.isOpen()) trace_.close();
#endif
    top_.final();
  }

  Memory<Vtop>& memory() { return memory_; }
  const Referee& referee() const { return referee_; }
  bool interrupt() const { return top_.INTERRUPT; }

  void trace(const char* path) {
#if VM_TRACE
    context_.traceEverOn(true);
    top_.trace(&trace_, 99);
    trace_.open(path);
#endif
  }

  // Eight cycles of reset; what AXI wants of it: no valid.
  void power_on() {
    top_.aresetn = 0;
#if TWO_RESETS
    top_.m_axi_aresetn = 0;
#endif
    top_.aclk = 0;
    top_.eval();
    for (int i = 0; i < 8; i++) edge();
    bool quiet = !(top_.m_axi_arvalid || top_.m_axi_awvalid || top_.m_axi_wvalid ||
                   top_.s_axi_bvalid || top_.s_axi_rvalid);
    referee_.check(quiet, cycle_, "a channel", "is valid in reset", 0);
    top_.aresetn = 1;
#if TWO_RESETS
    top_.m_axi_aresetn = 1;
#endif
    top_.aclk = 0;
    top_.eval();
    // The reset is registered once inside.
    edge();
    edge();
    memory_.drive(top_, cycle_);
    top_.eval();
  }

  // So many cycles of reset while the machine may be running: of the machine alone, whose memory
  // goes on, or of both.
  void reset(uint64_t cycles, bool memory_too) {
    lite_.reset(top_);
    top_.aresetn = 0;
#if TWO_RESETS
    top_.m_axi_aresetn = !memory_too;
#endif
    if (memory_too) memory_.reset(top_);
    // Two more until the reset, registered once inside, has ended.
    for (uint64_t n = 0; n < cycles + 2; n++) {
      if (n == cycles) {
        top_.aresetn = 1;
#if TWO_RESETS
        top_.m_axi_aresetn = 1;
#endif
      }
      top_.eval();
      if (memory_too) {
        edge();
        ++cycle_;
      } else {
        step(false);
      }
    }
    if (memory_too) memory_.drive(top_, cycle_);
    top_.eval();
  }

  uint64_t run(uint64_t cycles, bool until_interrupt) {
    for (uint64_t n = 0; n < cycles; n++) {
      if (until_interrupt && interrupt()) return n;
      step();
    }
    return cycles;
  }

  // Response code of a register access, or -1 when none came in time.
  int access(bool write, uint32_t addr, uint32_t* data, uint64_t timeout) {
    if (write)
      lite_.start_write(addr, *data);
    else
      lite_.start_read(addr);
    lite_.drive(top_);
    top_.eval();
    for (uint64_t n = 0; n < timeout && lite_.busy(); n++) step();
    if (lite_.busy()) {
      lite_.give_up();
      return -1;
    }
    *data = lite_.data();
    return lite_.response();
  }

  void fill(Stats& stats) const {
    memory_.fill(stats);
    stats.cycles = cycle_;
    stats.violations = referee_.violations;
  }

 private:
  void step(bool registers = true) {
    memory_.sample(top_, cycle_);
    if (registers) lite_.sample(top_, cycle_);
    top_.aclk = 1;
    top_.eval();
    dump(1);
    ++cycle_;
    memory_.drive(top_, cycle_);
    lite_.drive(top_);
    top_.aclk = 0;
    top_.eval();
    dump(2);
  }

  void edge() {
    top_.aclk = 1;
    top_.eval();
    top_.aclk = 0;
    top_.eval();
  }

  void dump(int half) {
#if VM_TRACE
    if (trace_.isOpen()) trace_.dump(2 * cycle_ + half);
#endif
  }

  VerilatedContext context_;
  Vtop top_;
#if VM_TRACE
  VerilatedVcdC trace_;
#endif
  Referee referee_;
  Memory<Vtop> memory_;
  Lite lite_;
  uint64_t cycle_ = 0;
};

EXPORT Bench* refrain_create(const Settings* settings, uint8_t* bytes, const char* trace) {
  Bench* bench = new Bench(*settings, bytes);
  if (trace) bench->trace(trace);
  bench->power_on();
  return bench;
}

EXPORT void refrain_destroy(Bench* bench) { delete bench; }

EXPORT uint64_t refrain_run(Bench* bench, uint64_t cycles, int until_interrupt) {
  return bench->run(cycles, until_interrupt);
}

EXPORT void refrain_reset(Bench* bench, uint64_t cycles, int memory_too) {
  bench->reset(cycles, memory_too);
}

EXPORT void refrain_hang(Bench* bench, uint64_t channels) { bench->memory().hung = channels; }

EXPORT int refrain_interrupt(Bench* bench) { return bench->interrupt(); }

EXPORT int refrain_access(Bench* bench, int write, uint32_t addr, uint32_t* data, uint64_t timeout) {
  return bench->access(write, addr, data, timeout);
}

EXPORT void refrain_windows(Bench* bench, const uint64_t* limits, uint64_t count) {
  auto& windows = bench->memory().windows;
  windows.clear();
  for (uint64_t i = 0; i < count; i++) windows.emplace_back(limits[2 * i], limits[2 * i + 1]);
}

EXPORT void refrain_stats(Bench* bench, Stats* stats) { bench->fill(*stats); }

EXPORT const char* refrain_violation(Bench* bench) { return bench->referee().first; }
