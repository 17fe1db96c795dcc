// A mapped netlist, simulated event by event with the delay of every pin, every transition counted.
//
// Stands in for a model of Verilator behind the loop of shim.cpp: the same ports, `eval` at both
// levels of the clock. A gate's output follows its inputs after the delay of the pin that changed;
// a pulse that is shorter than that does not pass. A rising clock edge moves all registers whose
// clock is not gated, and memories; what that and the inputs lead to has settled when the clock has
// been low. BUS_BYTES, the bytes of the data bus, is given by the compiler.

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#define EXPORT_NAMES extern "C" __attribute__((visibility("default")))

// The same fields in the same order as simulating.py's _Netlist.
struct Netlist {
  uint64_t nets;
  // Gates: up to six inputs, a table of 64 bits, an output, and the delay in ticks from each input.
  uint64_t gates;
  const uint32_t* gate_inputs;   // [gates, 6]; unused ones are net 0
  const uint64_t* gate_tables;   // [gates]
  const uint32_t* gate_outputs;  // [gates]
  const uint16_t* gate_delays;   // [gates, 6]
  // Registers: as gates, but the table gives the next state; output, inverted output (0: none).
  uint64_t registers;
  const uint32_t* register_inputs;
  const uint64_t* register_tables;
  const uint32_t* register_outputs;  // [registers, 2]
  const uint16_t* register_delays;   // [registers]
  // Registers whose clock never stops come first, then those of each clock gate.
  uint64_t gating;
  const uint64_t* clock_starts;    // [gating + 2]
  const uint32_t* gating_enables;  // [gating]
  // Memories: where what follows begins in `pins`: ports times (MEN, WEN, REN, ADDR, DIN, BM, DOUT).
  uint64_t memories;
  const uint64_t* memory_shapes;  // [memories, 8]: words, bits, address bits, ports, masked, pins,
                                  // ticks, first count
  const uint32_t* pins;
  // Nets of ports, in the order of PORTS below, the lowest bit first.
  const uint64_t* port_starts;
  const uint32_t* port_nets;
  // Counted: transitions of nets, those that settled values need, clock pulses of each clock gate
  // and, last, of the clock; of each memory port reads, writes, and of each memory clashes.
  uint64_t* transitions;
  uint64_t* needed;
  uint64_t* pulses;
  uint64_t* accesses;
  uint64_t seed;
};

#define PORTS(X)                                                                              \
  X(aclk) X(aresetn) X(m_axi_aresetn) X(interrupt)                                            \
  X(s_axi_awvalid) X(s_axi_awready) X(s_axi_awaddr) X(s_axi_awprot) X(s_axi_wvalid)           \
  X(s_axi_wready) X(s_axi_wdata) X(s_axi_wstrb) X(s_axi_bvalid) X(s_axi_bready)               \
  X(s_axi_bresp) X(s_axi_arvalid) X(s_axi_arready) X(s_axi_araddr) X(s_axi_arprot)            \
  X(s_axi_rvalid) X(s_axi_rready) X(s_axi_rdata) X(s_axi_rresp)                               \
  X(m_axi_arvalid) X(m_axi_arready) X(m_axi_araddr) X(m_axi_arlen) X(m_axi_arsize)            \
  X(m_axi_arburst) X(m_axi_arid) X(m_axi_arlock) X(m_axi_arcache) X(m_axi_arprot)             \
  X(m_axi_arqos) X(m_axi_rvalid) X(m_axi_rready) X(m_axi_rresp) X(m_axi_rid) X(m_axi_rlast)   \
  X(m_axi_awvalid) X(m_axi_awready) X(m_axi_awaddr) X(m_axi_awlen) X(m_axi_awsize)            \
  X(m_axi_awburst) X(m_axi_awid) X(m_axi_awlock) X(m_axi_awcache) X(m_axi_awprot)             \
  X(m_axi_awqos) X(m_axi_wvalid) X(m_axi_wready) X(m_axi_wstrb) X(m_axi_wlast)                \
  X(m_axi_bvalid) X(m_axi_bready) X(m_axi_bresp) X(m_axi_bid)

namespace {

constexpr unsigned kWheel = 1 << 13;  // ticks that any delay is shorter than
constexpr unsigned kFields = 8;
constexpr unsigned kPins = 6;
constexpr uint32_t kNone = ~0u;

const Netlist* given = nullptr;

class Circuit {
 public:
  explicit Circuit(const Netlist& n)
      : n_(n), nets_(n.nets), gates_(n.gates), wheel_(kWheel), inputs_(n.registers),
        wanted_(n.registers), state_(n.registers) {
    nets_[1].value = 1;
    uint64_t random = n.seed * 2 + 1;
    // Registers wake up as they like.
    for (uint64_t i = 0; i < n.registers; i++) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      put(i, random >> 63);
    }
    for (uint64_t i = 0; i < n.memories; i++) {
      const uint64_t* m = n.memory_shapes + i * kFields;
      words_.emplace_back(m[0] * m[1], 0);
    }
    connect();
    settle_all();
  }

  bool get(uint32_t net) const { return nets_[net].value; }

  void drive(uint32_t net, bool to) {
    if (nets_[net].value != to) change(net, to);
  }

  // What a rising edge does: registers and memories take what is there, and begin to change.
  void edge() {
    n_.pulses[n_.gating]++;
    moved_.clear();
    take(n_.clock_starts[0], n_.clock_starts[1]);
    for (uint64_t i = 0; i < n_.gating; i++)
      if (get(n_.gating_enables[i])) {
        n_.pulses[i]++;
        take(n_.clock_starts[i + 1], n_.clock_starts[i + 2]);
      }
    reads_.clear();
    for (uint64_t i = 0; i < n_.memories; i++) access(i);
    for (uint32_t i : moved_)
      for (int side = 0; side < 2; side++)
        if (uint32_t net = n_.register_outputs[2 * i + side])
          post(net, state_[i] ^ side, n_.register_delays[i]);
    for (auto& [net, to, ticks] : reads_) post(net, to, ticks);
  }

  // Until nothing moves.
  void settle() {
    for (; waiting_; now_++) {
      auto& slot = wheel_[now_ % kWheel];
      for (size_t k = 0; k < slot.size(); k++) {
        Event e = slot[k];
        waiting_--;
        if (e.gate == kNone) {
          drive(e.net >> 1, e.net & 1);
        } else if (gates_[e.gate].due == now_ + 1) {
          gates_[e.gate].due = 0;
          change(e.net, !nets_[e.net].value);
        }
      }
      slot.clear();
    }
    for (uint32_t net : touched_) {
      Net& own = nets_[net];
      n_.transitions[net] += own.moved;
      n_.needed[net] += own.value != own.old;
      own.moved = 0;
    }
    touched_.clear();
  }

 private:
  // What reads a net: the inputs of a gate, or behind all gates of a register, that it is connected
  // to, and the first of them.
  struct Reader {
    uint32_t gate;
    uint8_t mask, pin;
  };
  struct Net {
    uint32_t first = 0, last = 0;  // readers
    uint16_t moved = 0;            // transitions in this cycle
    uint8_t value = 0, old = 0;    // now, and before the first of them
  };
  struct Gate {
    uint64_t table, due = 0;  // when its output changes, and one; 0: it does not
    uint32_t output;
    uint16_t delays[kPins];
    uint8_t inputs = 0;  // their values, each a bit
  };
  struct Event {
    uint32_t gate;  // or kNone: the net gets a value whatever it was
    uint32_t net;   // or twice the net, and the value
  };
  struct Read {
    uint32_t net;
    uint8_t to;
    uint64_t ticks;
  };

  // Register i of those from `first` on gets what it wants.
  void take(uint64_t first, uint64_t last) {
    for (uint64_t i = first; i < last; i++)
      if (wanted_[i] != state_[i]) {
        state_[i] = wanted_[i];
        moved_.push_back(i);
      }
  }

  void put(uint64_t i, bool to) {
    state_[i] = to;
    for (int side = 0; side < 2; side++)
      if (uint32_t net = n_.register_outputs[2 * i + side]) nets_[net].value = to ^ side;
  }

  const uint32_t* inputs_of(uint64_t i) const {
    return i < n_.gates ? n_.gate_inputs + kPins * i
                        : n_.register_inputs + kPins * (i - n_.gates);
  }

  // Readers of each net, those of the lowest number first.
  void connect() {
    std::vector<uint32_t> place(n_.nets + 1);
    auto each = [&](auto&& use) {
      for (uint64_t i = 0; i < n_.gates + n_.registers; i++) {
        const uint32_t* inputs = inputs_of(i);
        for (unsigned pin = 0; pin < kPins; pin++) {
          unsigned mask = 0, before = 0;
          for (unsigned k = 0; k < kPins; k++) mask |= unsigned(inputs[k] == inputs[pin]) << k;
          before = mask & ((1u << pin) - 1);
          if (inputs[pin] > 1 && !before) use(inputs[pin], i, mask, pin);
        }
      }
    };
    each([&](uint32_t net, uint64_t, unsigned, unsigned) { place[net + 1]++; });
    for (uint64_t net = 0; net < n_.nets; net++) {
      place[net + 1] += place[net];
      nets_[net].first = nets_[net].last = place[net];
    }
    readers_.resize(place[n_.nets]);
    each([&](uint32_t net, uint64_t i, unsigned mask, unsigned pin) {
      readers_[nets_[net].last++] = {uint32_t(i), uint8_t(mask), uint8_t(pin)};
    });
  }

  unsigned look(const uint32_t* inputs) const {
    unsigned values = 0;
    for (unsigned k = 0; k < kPins; k++) values |= unsigned(get(inputs[k])) << k;
    return values;
  }

  // Gates stand behind those that drive them.
  void settle_all() {
    for (uint64_t g = 0; g < n_.gates; g++) {
      Gate& own = gates_[g];
      own.table = n_.gate_tables[g];
      own.output = n_.gate_outputs[g];
      memcpy(own.delays, n_.gate_delays + kPins * g, sizeof own.delays);
      own.inputs = look(inputs_of(g));
      nets_[own.output].value = own.table >> own.inputs & 1;
    }
    for (uint64_t i = 0; i < n_.registers; i++) {
      inputs_[i] = look(inputs_of(n_.gates + i));
      wanted_[i] = n_.register_tables[i] >> inputs_[i] & 1;
    }
  }

  void post(uint32_t net, bool to, uint64_t ticks) {
    wheel_[(now_ + ticks) % kWheel].push_back({kNone, net << 1 | to});
    waiting_++;
  }

  void change(uint32_t net, bool to) {
    Net& own = nets_[net];
    if (!own.moved) {
      own.old = own.value;
      touched_.push_back(net);
    }
    own.value = to;
    own.moved++;
    for (uint32_t k = own.first; k < own.last; k++) {
      auto [g, mask, pin] = readers_[k];
      if (g >= n_.gates) {
        uint64_t i = g - n_.gates;
        wanted_[i] = n_.register_tables[i] >> (inputs_[i] ^= mask) & 1;
        continue;
      }
      Gate& gate = gates_[g];
      bool wants = gate.table >> (gate.inputs ^= mask) & 1;
      if (wants == bool(nets_[gate.output].value)) {
        gate.due = 0;
      } else if (!gate.due) {
        uint64_t when = now_ + gate.delays[pin];
        gate.due = when + 1;
        wheel_[when % kWheel].push_back({g, gate.output});
        waiting_++;
      }
    }
  }

  // One memory at a clock edge. A word that one port writes while another, or the same, reads it
  // comes out inverted: nothing may depend on it.
  void access(uint64_t i) {
    const uint64_t* m = n_.memory_shapes + i * kFields;
    uint64_t words = m[0], bits = m[1], width = m[2], ports = m[3], masked = m[4];
    uint64_t* counts = n_.accesses + m[7];
    const uint32_t* pins = n_.pins + m[5];
    uint64_t size = 3 + width + (masked ? 3 : 2) * bits;
    std::vector<uint8_t>& all = words_[i];
    int64_t written = -1, read_at[4] = {-1, -1, -1, -1};
    for (uint64_t p = 0; p < ports && p < 4; p++) {
      const uint32_t* at = pins + p * size;
      if (!get(at[0])) continue;
      uint64_t address = 0;
      for (uint64_t k = 0; k < width; k++) address |= uint64_t(get(at[3 + k])) << k;
      if (address >= words) continue;
      if (get(at[2])) read_at[p] = address, counts[2 * p]++;
      if (get(at[1])) written = address, counts[2 * p + 1]++;
    }
    for (uint64_t p = 0; p < ports && p < 4; p++) {
      if (read_at[p] < 0) continue;
      const uint32_t* at = pins + p * size;
      bool same = get(at[1]);
      bool clash = written == read_at[p] || same;
      counts[2 * ports] += clash;
      const uint32_t* out = at + size - bits;
      for (uint64_t k = 0; k < bits; k++) {
        bool to = all[read_at[p] * bits + k] ^ clash;
        if (out[k] && get(out[k]) != to) reads_.push_back({out[k], to, m[6]});
      }
    }
    for (uint64_t p = 0; p < ports && p < 4; p++) {
      const uint32_t* at = pins + p * size;
      if (!get(at[0]) || !get(at[1])) continue;
      uint64_t address = 0;
      for (uint64_t k = 0; k < width; k++) address |= uint64_t(get(at[3 + k])) << k;
      if (address >= words) continue;
      const uint32_t *data = at + 3 + width, *mask = data + bits;
      for (uint64_t k = 0; k < bits; k++)
        if (!masked || get(mask[k])) all[address * bits + k] = get(data[k]);
    }
  }

  const Netlist n_;
  std::vector<Net> nets_;
  std::vector<Gate> gates_;
  std::vector<Reader> readers_;
  std::vector<std::vector<Event>> wheel_;
  std::vector<uint8_t> inputs_, wanted_, state_;  // of registers
  std::vector<uint32_t> moved_, touched_;
  std::vector<Read> reads_;
  std::vector<std::vector<uint8_t>> words_;
  uint64_t now_ = 0, waiting_ = 0;
};

}  // namespace

class VerilatedContext {};

class Vtop {
 public:
  explicit Vtop(VerilatedContext*) : circuit_(*given), n_(*given) {}

#define FIELD(name) uint64_t name = 0;
  PORTS(FIELD)
#undef FIELD
  std::array<uint8_t, BUS_BYTES> m_axi_rdata{}, m_axi_wdata{};

  void eval() {
    if (aclk && !before_) circuit_.edge();
    before_ = aclk;
    if (aclk) return;
    transfer<true>();
    circuit_.settle();
    transfer<false>();
  }

  void final() {}

 private:
  // Ports that the netlist drives are read, and all others driven.
  template <bool kInwards>
  void transfer() {
    unsigned port = 0;
#define MOVE(name) word<kInwards>(port++, &name);
    PORTS(MOVE)
#undef MOVE
    bytes<kInwards>(port++, m_axi_rdata.data());
    bytes<kInwards>(port++, m_axi_wdata.data());
  }

  template <bool kInwards>
  void word(unsigned port, uint64_t* field) {
    uint64_t first = n_.port_starts[2 * port], inwards = n_.port_starts[2 * port + 1];
    uint64_t count = n_.port_starts[2 * port + 2] - first;
    if (bool(inwards) != kInwards || port == 0) return;
    if (!kInwards) *field = 0;
    for (uint64_t k = 0; k < count; k++) {
      if (kInwards)
        circuit_.drive(n_.port_nets[first + k], *field >> k & 1);
      else
        *field |= uint64_t(circuit_.get(n_.port_nets[first + k])) << k;
    }
  }

  template <bool kInwards>
  void bytes(unsigned port, uint8_t* field) {
    uint64_t first = n_.port_starts[2 * port], inwards = n_.port_starts[2 * port + 1];
    uint64_t count = n_.port_starts[2 * port + 2] - first;
    if (bool(inwards) != kInwards) return;
    if (!kInwards) memset(field, 0, BUS_BYTES);
    for (uint64_t k = 0; k < count; k++) {
      if (kInwards)
        circuit_.drive(n_.port_nets[first + k], field[k / 8] >> k % 8 & 1);
      else
        field[k / 8] |= circuit_.get(n_.port_nets[first + k]) << k % 8;
    }
  }

  Circuit circuit_;
  const Netlist n_;
  uint64_t before_ = 0;
};

#define INTERRUPT interrupt
#define VM_TRACE 0
#define TWO_RESETS 1
#include "shim.cpp"

// The netlist of the machines that are made from now on; its arrays are used as long as they live.
EXPORT_NAMES void refrain_netlist(const Netlist* netlist) { given = netlist; }

// Name of a port by its place in the netlist's tables; null behind the last.
EXPORT_NAMES const char* refrain_port(uint64_t place) {
#define NAME(name) #name,
  static const char* const names[] = {PORTS(NAME) "m_axi_rdata", "m_axi_wdata"};
#undef NAME
  return place < sizeof names / sizeof *names ? names[place] : nullptr;
}
