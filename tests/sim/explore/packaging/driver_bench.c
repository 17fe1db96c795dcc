/* The driver between two networks and a machine that somebody else simulates.
 *
 * Registers and time are functions of the simulator. The processor sees memory through a cache that
 * keeps every byte until the driver cleans or invalidates it, or directly. */

#define NET_ARRAYS
#include "net.h"
#define ONE_ARRAYS
#include "one.h"

#include <string.h>

#include "refrain.h"
#include "refrain_registers.h"

#define SIZE (1u << 20)

REFRAIN_NETWORK(net, NET, net);
REFRAIN_NETWORK(one, ONE, one);

int example(const struct refrain_port *port, void *memory, size_t bytes, uint32_t address);

static struct refrain device;
static struct refrain_port port;
static struct refrain_network altered;
static uint8_t *memory, *seen;
static uint8_t cache[SIZE];

static void clean(void *context, const void *first, size_t bytes) {
  size_t start = (size_t)((const uint8_t *)first - cache);
  (void)context;
  memcpy(memory + start, cache + start, bytes);
}

static void invalidate(void *context, void *first, size_t bytes) {
  size_t start = (size_t)((uint8_t *)first - cache);
  (void)context;
  memcpy(cache + start, memory + start, bytes);
}

void bench_bind(uint32_t (*read)(void *, uint32_t), void (*write)(void *, uint32_t, uint32_t),
                void (*idle)(void *), uint8_t *bytes, int cached, int interrupts) {
  memset(&device, 0, sizeof device);
  memset(&port, 0, sizeof port);
  port.read = read;
  port.write = write;
  port.idle = idle;
  port.interrupts = interrupts;
  memory = seen = bytes;
  if (!cached) return;
  memset(cache, 0x5a, sizeof cache);
  seen = cache;
  port.clean = clean;
  port.invalidate = invalidate;
}

int bench_open(void) { return refrain_open(&device, &port); }
int bench_example(void) { return example(&port, seen, SIZE, 0); }

/* The network, or the one of one step, `address` bytes behind the start of memory. */
int bench_load(int stream, uint32_t bytes, uint32_t address) {
  return refrain_load(&device, stream ? &one : &net, seen + address, bytes, address);
}

/* The network for a machine of other lanes. */
int bench_load_other(void) {
  altered = net;
  altered.lanes *= 2;
  return refrain_load(&device, &altered, seen, SIZE, 0);
}

/* The network with an output window that ends `less` bytes earlier. */
int bench_load_narrow(uint32_t less) {
  altered = net;
  altered.output_limit -= less;
  return refrain_load(&device, &altered, seen, SIZE, 0);
}

/* Changes a byte of memory behind the driver's back. */
void bench_damage(uint32_t at, uint8_t value) { memory[at] = seen[at] = value; }

int bench_batch(const refrain_value *x, refrain_value *h, uint32_t limit) {
  return refrain_batch(&device, x, h, limit);
}
int bench_step(const refrain_value *x, refrain_value *h, uint32_t limit) {
  return refrain_step(&device, x, h, limit);
}
void bench_begin(void) { refrain_begin(&device); }
int bench_start(int resume) { return refrain_start(&device, resume); }
int bench_poll(void) { return refrain_poll(&device); }
int bench_wait(uint32_t limit) { return refrain_wait(&device, limit); }
int bench_reset(void) { return refrain_reset(&device); }
void bench_interrupt(void) { refrain_interrupt(&device); }
int bench_thresholds(uint32_t x, uint32_t h) {
  return refrain_thresholds(&device, (refrain_threshold)x, (refrain_threshold)h);
}
int bench_override(uint32_t k, uint32_t value) { return refrain_override(&device, k, value); }
void bench_restore(void) { refrain_restore(&device); }
void bench_watchdog(uint32_t cycles) { refrain_watchdog(&device, cycles); }
uint64_t bench_cycles(void) { return refrain_cycles(&device); }
uint64_t bench_delta_steps(void) {
  return refrain_counter(&device, offsetof(refrain_t, delta.steps_low));
}
int bench_has_rows(uint32_t output, uint32_t sequence, uint32_t step) {
  return refrain_output(&device, output, sequence, step) != NULL &&
         refrain_input(&device, sequence, step) != NULL;
}
const char *bench_text(int status) { return refrain_text(status); }
