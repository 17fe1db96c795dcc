// The loop around a compiled board whose host sits at a serial line: clock, reset, and the line bit
// by bit, each bit wrong with a given probability. Included behind the generated model in one
// translation unit.

#include <cstdint>
#include <deque>
#include <random>

#define EXPORT extern "C" __attribute__((visibility("default")))

// The same fields in the same order as board_uart.py's _Settings.
struct Settings {
  uint64_t bit_cycles;  // clock cycles of a bit
  uint64_t seed;
  uint64_t to_board, to_host;  // probability * 2^32 that a bit of that direction is wrong
};

class Noise {
 public:
  Noise(uint64_t seed, uint64_t probability) : random_(seed), probability_(probability) {}
  bool spoil(bool bit) {
    bool wrong = uint32_t(random_()) < probability_;
    wrong_ += wrong;
    return bit != wrong;
  }
  uint64_t wrong() const { return wrong_; }

 private:
  std::mt19937_64 random_;
  uint64_t probability_, wrong_ = 0;
};

// Bytes to the board: the level of the line in every cycle.
class Talker {
 public:
  Talker(const Settings& s) : bit_cycles_(s.bit_cycles), noise_(s.seed, s.to_board) {}
  void send(uint8_t byte) { bytes_.push_back(byte); }
  bool busy() const { return left_ || !bytes_.empty(); }
  const Noise& noise() const { return noise_; }

  bool level() {
    if (timer_ == 0) {
      if (left_ == 0 && !bytes_.empty()) {
        frame_ = 1u << 9 | unsigned(bytes_.front()) << 1;
        bytes_.pop_front();
        left_ = 10;
      }
      if (left_ == 0) return true;
      level_ = noise_.spoil(frame_ & 1);
      frame_ >>= 1;
      --left_;
      timer_ = bit_cycles_;
    }
    --timer_;
    return level_;
  }

 private:
  uint64_t bit_cycles_, timer_ = 0;
  unsigned frame_ = 0, left_ = 0;
  bool level_ = true;
  Noise noise_;
  std::deque<uint8_t> bytes_;
};

// Bytes from the board: samples the middle of each bit behind a falling edge.
class Listener {
 public:
  Listener(const Settings& s) : bit_cycles_(s.bit_cycles), noise_(s.seed + 1, s.to_host) {}
  std::deque<uint8_t> bytes;
  uint64_t quiet() const { return quiet_; }
  const Noise& noise() const { return noise_; }

  void hear(bool level) {
    ++quiet_;
    if (place_ < 0) {
      if (!level && before_) place_ = 0, timer_ = bit_cycles_ / 2;
    } else if (--timer_ == 0) {
      take(noise_.spoil(level));
    }
    before_ = level;
  }

 private:
  void take(bool bit) {
    quiet_ = 0;
    timer_ = bit_cycles_;
    if (place_ == 0 && bit) {
      place_ = -1;  // no start bit
      return;
    }
    if (place_ >= 1 && place_ <= 8) byte_ = uint8_t(byte_ >> 1 | bit << 7);
    if (++place_ < 10) return;
    place_ = -1;
    if (bit) bytes.push_back(byte_);
  }

  uint64_t bit_cycles_, timer_ = 0, quiet_ = 0;
  int place_ = -1;
  uint8_t byte_ = 0;
  bool before_ = true;
  Noise noise_;
};

class Board {
 public:
  Board(const Settings& s) : top_(&context_), talker_(s), listener_(s), bit_cycles_(s.bit_cycles) {
    top_.aresetn = 0;
    top_.rx = 1;
    for (int i = 0; i < 8; i++) step();
    top_.aresetn = 1;
  }
  ~Board() { top_.final(); }

  void write(const uint8_t* data, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) talker_.send(data[i]);
  }

  // Runs until bytes have come and the line has been quiet for two of them, or time is up behind
  // the last byte to the board.
  uint64_t read(uint8_t* data, uint64_t most, uint64_t cycles) {
    for (uint64_t waited = 0; waited < cycles; waited += !talker_.busy()) {
      if (!listener_.bytes.empty() && listener_.quiet() > 20 * bit_cycles_) break;
      top_.rx = talker_.level();
      step();
      listener_.hear(top_.tx);
    }
    uint64_t count = 0;
    for (; count < most && !listener_.bytes.empty(); listener_.bytes.pop_front())
      data[count++] = listener_.bytes.front();
    return count;
  }

  uint64_t cycles() const { return cycle_; }
  uint64_t wrong() const { return talker_.noise().wrong() + listener_.noise().wrong(); }

 private:
  void step() {
    top_.aclk = 1;
    top_.eval();
    top_.aclk = 0;
    top_.eval();
    ++cycle_;
  }

  VerilatedContext context_;
  Vtop top_;
  Talker talker_;
  Listener listener_;
  uint64_t bit_cycles_, cycle_ = 0;
};

EXPORT Board* board_create(const Settings* settings) { return new Board(*settings); }
EXPORT void board_destroy(Board* board) { delete board; }
EXPORT void board_write(Board* board, const uint8_t* data, uint64_t count) {
  board->write(data, count);
}
EXPORT uint64_t board_read(Board* board, uint8_t* data, uint64_t most, uint64_t cycles) {
  return board->read(data, most, cycles);
}
EXPORT uint64_t board_cycles(Board* board) { return board->cycles(); }
EXPORT uint64_t board_wrong(Board* board) { return board->wrong(); }
