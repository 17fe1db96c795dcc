/* Driver of Refrain's LSTM accelerators in portable C99.
 *
 * It allocates nothing, needs no library, and reaches registers and memory through functions that
 * you give it. It takes images of `refrain compile`, for any configuration whose activations have
 * @act_width@ bits:
 *
 *   #define NET_ARRAYS
 *   #include "net.h"
 *   REFRAIN_NETWORK(network, NET, net);
 *
 *   refrain_open(&device, &port);
 *   refrain_load(&device, &network, memory, sizeof memory, address_of_memory);
 *   refrain_batch(&device, x, h, REFRAIN_FOREVER);          all steps of an image at once, or
 *   refrain_step(&device, x, h, REFRAIN_FOREVER);           one step, as a sample arrives
 *
 * Functions that can fail give REFRAIN_OK or a status, of which refrain_text() is one sentence. A
 * device belongs to one thread; refrain_interrupt() alone may be called while another function
 * runs. */

#ifndef REFRAIN_H
#define REFRAIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Below zero the driver refuses or gives up. Above zero it is what the machine's register ERROR
 * reads. */
enum refrain_status {
  REFRAIN_OK = 0,
  REFRAIN_RUNNING = -1,
  REFRAIN_ABSENT = -2,
  REFRAIN_OTHER_VERSION = -3,
  REFRAIN_OTHER_MACHINE = -4,
  REFRAIN_TOO_SMALL = -5,
  REFRAIN_MISALIGNED = -6,
  REFRAIN_NO_NETWORK = -7,
  REFRAIN_BUSY = -8,
  REFRAIN_TIMEOUT = -9,
  REFRAIN_STUCK = -10,
  REFRAIN_NO_STREAM = -11,
  REFRAIN_NOT_ONE_STEP = -12,
  REFRAIN_LAYERS_DIFFER = -13,
  REFRAIN_NO_OVERRIDE = -14,
  REFRAIN_LACKING = -15,
@error_codes@
};

/* A value of x or h. This driver is of a machine whose activations have @act_width@ bits. */
typedef @value_type@ refrain_value;

/* A threshold of x or h. */
typedef @threshold_type@ refrain_threshold;

/* A limit of refrain_wait() and of all that waits: no limit. */
#define REFRAIN_FOREVER UINT32_MAX

/* How the driver reaches the machine. Pointers that may be NULL say so. */
struct refrain_port {
  /* Handed to every function. */
  void *context;
  /* Access the 32-bit register at a byte offset. What was written to memory before a write must be
   * there for the machine when the write arrives: on most processors that takes a barrier. */
  uint32_t (*read)(void *context, uint32_t offset);
  void (*write)(void *context, uint32_t offset, uint32_t value);
  /* Caches. clean writes bytes back to memory that the processor has written; invalidate forgets
   * bytes that the machine will write or has written. Ranges are within the memory of
   * refrain_load(), and begin and end wherever rows do, so invalidate rounds outwards: no other
   * data may share a cache line with that memory. NULL where the memory is coherent or uncached. */
  void (*clean)(void *context, const void *first, size_t bytes);
  void (*invalidate)(void *context, void *first, size_t bytes);
  /* Called again and again while the driver waits: sleep until an interrupt, count time, feed a
   * watchdog. NULL to poll without a pause. */
  void (*idle)(void *context);
  /* 0 to poll the registers; else your handler calls refrain_interrupt(). */
  int interrupts;
};

/* Rows of values, as `refrain compile` writes them into its header. */
struct refrain_rows {
  uint32_t address, values, step_stride, sequence_stride;
};

/* A word of memory that says whether a run begins anew or goes on from the one before. */
struct refrain_stream_word {
  uint32_t address, first, resumed;
};

/* A compiled network; REFRAIN_NETWORK fills it. */
struct refrain_network {
  const uint8_t *data;
  uint32_t lanes, bus_bytes;
  uint32_t base, bytes, memory_bytes, alignment;
  uint32_t descriptor, descriptor_count, output_base, output_limit;
  uint32_t steps, sequences;
  struct refrain_rows input;
  const struct refrain_rows *outputs;
  uint32_t output_count;
  const uint32_t *relocations;
  uint32_t relocation_count;
  const struct refrain_stream_word *stream_words;
  uint32_t stream_count;
};

/* Defines the network NAME from the header of an image whose macros begin with UPPER and whose
 * arrays begin with LOWER: REFRAIN_NETWORK(network, IMAGE, image). An image whose values are of another
 * size than this machine's is an error of the compiler: the type NAME_values_fit has no such size. */
#define REFRAIN_NETWORK(NAME, UPPER, LOWER)                                                       \
  typedef char NAME##_values_fit[UPPER##_VALUE_BYTES == sizeof(refrain_value) ? 1 : -1];          \
  static const struct refrain_rows NAME##_outputs[UPPER##_OUTPUT_COUNT] = UPPER##_OUTPUTS;        \
  static const uint32_t NAME##_relocations[UPPER##_RELOCATION_COUNT] = UPPER##_RELOCATIONS;       \
  static const struct refrain_stream_word NAME##_stream_words[] = UPPER##_STREAM_WORDS;           \
  static const struct refrain_network NAME = {                                                    \
      LOWER##_data,           UPPER##_LANES,          UPPER##_BUS_BYTES,                          \
      UPPER##_BASE,           UPPER##_BYTES,          UPPER##_MEMORY_BYTES,                       \
      UPPER##_ALIGNMENT,      UPPER##_DESCRIPTOR,     UPPER##_DESCRIPTOR_COUNT,                   \
      UPPER##_OUTPUT_BASE,    UPPER##_OUTPUT_LIMIT,   UPPER##_STEPS,                              \
      UPPER##_SEQUENCES,      UPPER##_INPUT,          NAME##_outputs,                             \
      UPPER##_OUTPUT_COUNT,   NAME##_relocations,     UPPER##_RELOCATION_COUNT,                   \
      NAME##_stream_words,    UPPER##_STREAM_COUNT}

/* A machine; its members belong to the driver. */
struct refrain {
  struct refrain_port port;
  const struct refrain_network *network;
  uint8_t *memory;
  uint32_t address;
  uint32_t overridden;
  volatile uint32_t events;
  int kept;
};

/* One sentence for a status. */
const char *refrain_text(int status);

/* Finds the machine and brings it to rest. Call it once before all else. */
int refrain_open(struct refrain *device, const struct refrain_port *port);

/* Stops whatever runs: bursts on the bus are finished, states and interrupts are cleared. Thresholds
 * stay. REFRAIN_STUCK means that the memory does not answer: reset the logic. */
int refrain_reset(struct refrain *device);

/* Copies a network into `bytes` bytes of memory, which the machine sees from `address` on. Memory
 * and network stay in use until the next load. */
int refrain_load(struct refrain *device, const struct refrain_network *network, void *memory,
                 size_t bytes, uint32_t address);

/* Runs every step of every sequence, each from the network's initial state.
 *
 * x: [sequences][steps][values of the input].
 * h: [sequences][steps][values of the outputs], forward before backward.
 * limit: calls of `idle` to wait for; after them the machine is reset and REFRAIN_TIMEOUT given. */
int refrain_batch(struct refrain *device, const refrain_value *x, refrain_value *h,
                  uint32_t limit);

/* Runs one step, of an image with one step and one sequence. The first one after refrain_load(),
 * refrain_begin(), a batch or any failure begins with the initial state; each later one goes on
 * from the state that is in the machine. */
int refrain_step(struct refrain *device, const refrain_value *x, refrain_value *h,
                 uint32_t limit);

/* The next step begins with the initial state. */
void refrain_begin(struct refrain *device);

/* The same in parts, for programs that do other work meanwhile. Write rows to refrain_input(), start
 * (`resume`: go on from the run before), poll or wait until the status is not REFRAIN_RUNNING, and
 * read rows from refrain_output(). Rows are NULL where there is no such output, sequence or step.
 * REFRAIN_TIMEOUT of refrain_wait() leaves the machine running. Values of 16 bits lie in memory with
 * the lower byte first: a big-endian processor swaps the bytes of these rows. */
refrain_value *refrain_input(struct refrain *device, uint32_t sequence, uint32_t step);
const refrain_value *refrain_output(struct refrain *device, uint32_t output, uint32_t sequence,
                                    uint32_t step);
int refrain_start(struct refrain *device, int resume);
int refrain_poll(struct refrain *device);
int refrain_wait(struct refrain *device, uint32_t limit);

/* Takes the machine's interrupt and clears it. Call it in your handler. */
void refrain_interrupt(struct refrain *device);

/* Thresholds of x and h in all layers, from the next start on; the image stays as it is. Other
 * settings of modes are those of the image, which must be the same in all layers. */
int refrain_thresholds(struct refrain *device, refrain_threshold x, refrain_threshold h);

/* Replaces word `k` of the settings of modes in all layers: what register OVERRIDE_k holds. */
int refrain_override(struct refrain *device, uint32_t k, uint32_t value);

/* Every layer takes the settings of its descriptor again. */
void refrain_restore(struct refrain *device);

/* Ends runs with REFRAIN_ERROR_TIMEOUT when the memory owes an answer and does nothing for so many
 * cycles; 0 waits for ever. It stays as it is until it is changed or the logic is reset. */
void refrain_watchdog(struct refrain *device, uint32_t cycles);

/* A counter of the last run, by the offset of its low word: offsetof(refrain_t, delta.steps_low).
 * refrain_registers.h has the names. Counters of modes read 0 on a machine that was made without
 * them: bit NO_MODE_COUNTERS of its register features. */
uint64_t refrain_counter(const struct refrain *device, uint32_t offset);

/* Cycles of the last run. */
uint64_t refrain_cycles(const struct refrain *device);

/* Registers at an address of the processor, with its barriers: `context` is their base. */
uint32_t refrain_mmio_read(void *context, uint32_t offset);
void refrain_mmio_write(void *context, uint32_t offset, uint32_t value);

#ifdef __cplusplus
}
#endif

#endif
