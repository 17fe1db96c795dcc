#include "refrain.h"

#include "refrain_registers.h"

#define REGISTER(name) ((uint32_t)offsetof(refrain_t, name))
#define DONE REFRAIN__INTERRUPT__DONE_bm
#define FAILED REFRAIN__INTERRUPT__ERROR_bm

/* The descriptor's words that OVERRIDE_0 and following stand for. */
#define OVERRIDES @overrides@u
#define OVERRIDE_WORD @override_word@u
#define DESCRIPTOR_BYTES @descriptor_bytes@u

/* Of a descriptor: bits of its first word that ask for states in memory, the plan that chooses by a
 * score, the bit of a map, and the word that says where what is kept from run to run is. */
#define STATES_BITS @states_bits@u
#define PLAN_SCORED @plan_scored@u
#define MAPPED_BIT @mapped_bit@u
#define PLACES_WORD @places_word@u

/* The word of a descriptor whose upper half has the upper bytes of thresholds. */
#define HIGH_WORD @high_word@u

/* The first minor version of the register map that has the register features. */
#define FIRST_WITH_FEATURES 5u

#define VALUE_BYTES sizeof(refrain_value)

/* Reads of STATUS until a soft reset must have ended. */
#define REST_READS 100000u

static uint32_t get(const struct refrain *device, uint32_t offset) {
  return device->port.read(device->port.context, offset);
}

static void put(struct refrain *device, uint32_t offset, uint32_t value) {
  device->port.write(device->port.context, offset, value);
}

static int is_busy(const struct refrain *device) {
  return (get(device, REGISTER(status)) & REFRAIN__STATUS__BUSY_bm) != 0;
}

/* Memory at an address of the image. */
static uint8_t *at(struct refrain *device, uint32_t address) {
  return device->memory + (address - device->network->base);
}

static void clean(struct refrain *device, const uint8_t *first, size_t bytes) {
  if (device->port.clean) device->port.clean(device->port.context, first, bytes);
}

static void invalidate_outputs(struct refrain *device) {
  const struct refrain_network *n = device->network;
  if (device->port.invalidate)
    device->port.invalidate(device->port.context, at(device, n->output_base),
                            n->output_limit - n->output_base);
}

/* Words of memory are little-endian, whatever the processor is. */
static uint32_t read_word(const uint8_t *from) {
  return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static void write_word(uint8_t *to, uint32_t value) {
  int k;
  for (k = 0; k < 4; k++) to[k] = (uint8_t)(value >> 8 * k);
}

static void copy(void *to, const void *from, size_t bytes) {
  uint8_t *target = to;
  const uint8_t *source = from;
  while (bytes--) *target++ = *source++;
}

/* Values in memory have their lower byte first, whatever the processor is. */
static void put_values(void *to, const refrain_value *from, uint32_t count) {
  uint8_t *target = to;
  size_t k;
  for (; count--; from++)
    for (k = 0; k < VALUE_BYTES; k++) *target++ = (uint8_t)((uint32_t)*from >> 8 * k);
}

static void take_values(refrain_value *to, const void *from, uint32_t count) {
  const uint8_t *source = from;
  const int32_t sign = (int32_t)1 << (8 * VALUE_BYTES - 1);
  int32_t value;
  size_t k;
  while (count--) {
    for (value = 0, k = 0; k < VALUE_BYTES; k++) value |= (int32_t)*source++ << 8 * k;
    *to++ = (refrain_value)((value ^ sign) - sign);
  }
}

const char *refrain_text(int status) {
  switch (status) {
    case REFRAIN_OK: return "done";
    case REFRAIN_RUNNING: return "the accelerator is running: poll or wait";
    case REFRAIN_ABSENT:
      return "no accelerator answers with its identity: check the address and the clock";
    case REFRAIN_OTHER_VERSION:
      return "the accelerator has another version of the register map: take its package's driver";
    case REFRAIN_OTHER_MACHINE:
      return "image or driver are for other lanes, another bus or values of another width: take "
             "those of this configuration";
    case REFRAIN_LACKING:
      return "the image asks for what the accelerator was made without: compile it for this "
             "configuration";
    case REFRAIN_TOO_SMALL: return "the image needs more memory than it was given";
    case REFRAIN_MISALIGNED: return "the address of the memory must be a multiple of its alignment";
    case REFRAIN_NO_NETWORK: return "there is no network yet: load one";
    case REFRAIN_BUSY: return "the accelerator is running: wait for it or reset it";
    case REFRAIN_TIMEOUT: return "the accelerator was not done within the limit";
    case REFRAIN_STUCK:
      return "the accelerator does not come to rest, as its memory does not answer: reset the logic";
    case REFRAIN_NO_STREAM: return "the network cannot go on from one run to the next: run a batch";
    case REFRAIN_NOT_ONE_STEP: return "the image has several steps: compile it with --steps 1";
    case REFRAIN_LAYERS_DIFFER:
      return "layers have different settings of modes: write all of a word with refrain_override";
    case REFRAIN_NO_OVERRIDE: return "there is no register for this word of the settings";
@error_texts@
    default: return "an error that this driver does not know";
  }
}

int refrain_reset(struct refrain *device) {
  uint32_t reads;
  device->kept = 0;
  put(device, REGISTER(control), REFRAIN__CONTROL__SOFT_RESET_bm);
  for (reads = 0; is_busy(device); reads++)
    if (reads == REST_READS) return REFRAIN_STUCK;
  put(device, REGISTER(interrupt), DONE | FAILED);
  device->events = 0;
  return REFRAIN_OK;
}

/* What not every machine has, and what this one was made without. Machines from before version 0.5
 * have values of 8 bits, all the rest, and no such register. */
static uint32_t features(const struct refrain *device) {
  uint32_t minor = get(device, REGISTER(version)) & REFRAIN__VERSION__MINOR_bm;
  return minor < FIRST_WITH_FEATURES ? 0 : get(device, REGISTER(features));
}

/* Whether values of x and h are as wide as those of this driver. The gates cannot know how wide an
 * image's are. */
static int is_as_wide(const struct refrain *device) {
  return ((features(device) & REFRAIN__FEATURES__WIDE_bm) != 0) == (VALUE_BYTES == 2);
}

/* Whether a descriptor of the image asks for what the machine was made without. */
static int lacks(const struct refrain *device, const struct refrain_network *n) {
  const uint32_t missing = features(device);
  uint32_t k;
  for (k = 0; k < n->descriptor_count; k++) {
    const uint8_t *words = n->data + (n->descriptor - n->base) + k * DESCRIPTOR_BYTES;
    const uint32_t flags = read_word(words), modes = read_word(words + 4 * OVERRIDE_WORD);
    if (missing & REFRAIN__FEATURES__NO_SCORES_bm &&
        (modes & REFRAIN__OVERRIDE_0__SKIP_bm ||
         (modes & REFRAIN__OVERRIDE_0__PLAN_bm) >> REFRAIN__OVERRIDE_0__PLAN_bp == PLAN_SCORED))
      return 1;
    if (missing & REFRAIN__FEATURES__NO_STATES_bm && flags & STATES_BITS) return 1;
    if (!(missing & REFRAIN__FEATURES__MAPS_bm) && flags & MAPPED_BIT) return 1;
    if (missing & REFRAIN__FEATURES__NO_RESUME_bm && read_word(words + 4 * PLACES_WORD)) return 1;
  }
  return 0;
}

int refrain_open(struct refrain *device, const struct refrain_port *port) {
  uint32_t version;
  device->port = *port;
  device->network = NULL;
  device->memory = NULL;
  device->address = 0;
  device->overridden = 0;
  device->events = 0;
  device->kept = 0;
  if (get(device, REGISTER(id)) != REFRAIN__ID__VALUE_reset) return REFRAIN_ABSENT;
  version = get(device, REGISTER(version)) >> REFRAIN__VERSION__MAJOR_bp;
  if (version != REFRAIN__VERSION__MAJOR_reset) return REFRAIN_OTHER_VERSION;
  if (!is_as_wide(device)) return REFRAIN_OTHER_MACHINE;
  put(device, REGISTER(interrupt_enable), 0);
  put(device, REGISTER(override), 0);
  return refrain_reset(device);
}

int refrain_load(struct refrain *device, const struct refrain_network *network, void *memory,
                 size_t bytes, uint32_t address) {
  const struct refrain_network *n = network;
  uint32_t k;
  if (get(device, REGISTER(lanes)) != (n->lanes | n->bus_bytes << REFRAIN__LANES__BUS_BYTES_bp))
    return REFRAIN_OTHER_MACHINE;
  if (lacks(device, n)) return REFRAIN_LACKING;
  if (bytes < n->memory_bytes || UINT32_MAX - address < n->memory_bytes - 1)
    return REFRAIN_TOO_SMALL;
  if (address % n->alignment) return REFRAIN_MISALIGNED;
  if (is_busy(device)) return REFRAIN_BUSY;
  device->network = n;
  device->memory = memory;
  device->address = address;
  device->kept = 0;
  copy(memory, n->data, n->bytes);
  for (k = 0; k < n->relocation_count; k++) {
    uint8_t *word = device->memory + n->relocations[k];
    write_word(word, read_word(word) + (address - n->base));
  }
  clean(device, device->memory, n->bytes);
  return REFRAIN_OK;
}

void refrain_begin(struct refrain *device) { device->kept = 0; }

static uint8_t *row(struct refrain *device, const struct refrain_rows *rows, uint32_t sequence,
                    uint32_t step) {
  const struct refrain_network *n = device->network;
  if (sequence >= n->sequences || step >= n->steps) return NULL;
  return at(device, rows->address + sequence * rows->sequence_stride + step * rows->step_stride);
}

refrain_value *refrain_input(struct refrain *device, uint32_t sequence, uint32_t step) {
  if (!device->network) return NULL;
  return (void *)row(device, &device->network->input, sequence, step);
}

const refrain_value *refrain_output(struct refrain *device, uint32_t output, uint32_t sequence,
                                    uint32_t step) {
  if (!device->network || output >= device->network->output_count) return NULL;
  return (void *)row(device, &device->network->outputs[output], sequence, step);
}

/* Tells the machine whether this run goes on from the one before. */
static void choose_states(struct refrain *device, int resume) {
  const struct refrain_network *n = device->network;
  uint32_t k;
  for (k = 0; k < n->stream_count; k++) {
    const struct refrain_stream_word *word = &n->stream_words[k];
    uint8_t *place = at(device, word->address);
    write_word(place, resume ? word->resumed : word->first);
    clean(device, place, 4);
  }
}

int refrain_start(struct refrain *device, int resume) {
  const struct refrain_network *n = device->network;
  uint32_t moved, last;
  if (!n) return REFRAIN_NO_NETWORK;
  if (resume && !(n->stream_count && device->kept)) return REFRAIN_NO_STREAM;
  if (resume && features(device) & REFRAIN__FEATURES__NO_RESUME_bm) return REFRAIN_NO_STREAM;
  if (is_busy(device)) return REFRAIN_BUSY;
  choose_states(device, resume);
  last = (n->sequences - 1) * n->input.sequence_stride + (n->steps - 1) * n->input.step_stride;
  clean(device, at(device, n->input.address), last + n->input.values * VALUE_BYTES);
  invalidate_outputs(device);
  device->events = 0;
  device->kept = 0;
  moved = device->address - n->base;
  put(device, REGISTER(interrupt), DONE | FAILED);
  put(device, REGISTER(interrupt_enable), device->port.interrupts ? DONE | FAILED : 0);
  put(device, REGISTER(descriptor), n->descriptor + moved);
  put(device, REGISTER(output_base), n->output_base + moved);
  put(device, REGISTER(output_limit), n->output_limit + moved);
  put(device, REGISTER(control), REFRAIN__CONTROL__START_bm);
  return REFRAIN_OK;
}

void refrain_interrupt(struct refrain *device) {
  uint32_t pending = get(device, REGISTER(interrupt));
  put(device, REGISTER(interrupt), pending);
  device->events |= pending;
}

int refrain_poll(struct refrain *device) {
  uint32_t code;
  if (!device->network) return REFRAIN_NO_NETWORK;
  if (!device->port.interrupts) refrain_interrupt(device);
  if (device->events & FAILED) {
    code = (get(device, REGISTER(error)) & REFRAIN__ERROR__CODE_bm) >> REFRAIN__ERROR__CODE_bp;
    device->events = 0;
    /* An error without a code is none that this driver knows. */
    return code ? (int)code : INT16_MAX;
  }
  if (!(device->events & DONE)) return REFRAIN_RUNNING;
  device->events = 0;
  device->kept = 1;
  invalidate_outputs(device);
  return REFRAIN_OK;
}

int refrain_wait(struct refrain *device, uint32_t limit) {
  for (;;) {
    int status = refrain_poll(device);
    if (status != REFRAIN_RUNNING) return status;
    if (limit == 0) return REFRAIN_TIMEOUT;
    if (limit != REFRAIN_FOREVER) limit--;
    if (device->port.idle) device->port.idle(device->port.context);
  }
}

/* Runs to the end, or brings the machine to rest. */
static int run(struct refrain *device, int resume, uint32_t limit) {
  int status = refrain_start(device, resume);
  if (status) return status;
  status = refrain_wait(device, limit);
  if (status == REFRAIN_TIMEOUT && refrain_reset(device)) return REFRAIN_STUCK;
  return status;
}

/* The rows of every output at a step, side by side; gives where the next ones go. */
static refrain_value *take(struct refrain *device, uint32_t sequence, uint32_t step,
                           refrain_value *h) {
  const struct refrain_network *n = device->network;
  uint32_t k;
  for (k = 0; k < n->output_count; k++) {
    take_values(h, refrain_output(device, k, sequence, step), n->outputs[k].values);
    h += n->outputs[k].values;
  }
  return h;
}

int refrain_batch(struct refrain *device, const refrain_value *x, refrain_value *h,
                  uint32_t limit) {
  const struct refrain_network *n = device->network;
  uint32_t sequence, step;
  int status;
  if (!n) return REFRAIN_NO_NETWORK;
  if (is_busy(device)) return REFRAIN_BUSY;
  for (sequence = 0; sequence < n->sequences; sequence++)
    for (step = 0; step < n->steps; step++, x += n->input.values)
      put_values(refrain_input(device, sequence, step), x, n->input.values);
  status = run(device, 0, limit);
  device->kept = 0;
  if (status) return status;
  for (sequence = 0; sequence < n->sequences; sequence++)
    for (step = 0; step < n->steps; step++) h = take(device, sequence, step, h);
  return REFRAIN_OK;
}

int refrain_step(struct refrain *device, const refrain_value *x, refrain_value *h,
                 uint32_t limit) {
  const struct refrain_network *n = device->network;
  int status;
  if (!n) return REFRAIN_NO_NETWORK;
  if (n->steps != 1 || n->sequences != 1) return REFRAIN_NOT_ONE_STEP;
  if (!n->stream_count) return REFRAIN_NO_STREAM;
  if (is_busy(device)) return REFRAIN_BUSY;
  put_values(refrain_input(device, 0, 0), x, n->input.values);
  status = run(device, device->kept, limit);
  if (!status) take(device, 0, 0, h);
  return status;
}

int refrain_override(struct refrain *device, uint32_t k, uint32_t value) {
  if (k >= OVERRIDES) return REFRAIN_NO_OVERRIDE;
  if (is_busy(device)) return REFRAIN_BUSY;
  put(device, REGISTER(override_0) + 4 * k, value);
  device->overridden |= 1u << k;
  put(device, REGISTER(override), device->overridden);
  return REFRAIN_OK;
}

/* A register has the lower bytes of thresholds alone. Where they have upper ones, all are changed in
 * the descriptors, or are those of the image again if `wanted` is NULL. */
static void describe_thresholds(struct refrain *device, const uint32_t *wanted) {
  const struct refrain_network *n = device->network;
  uint32_t k, part;
  if (!n || VALUE_BYTES == 1) return;
  for (k = 0; k < n->descriptor_count; k++)
    for (part = 0; part < 2; part++) {
      uint32_t place = n->descriptor + k * DESCRIPTOR_BYTES;
      uint32_t word;
      place += 4 * (part ? HIGH_WORD : OVERRIDE_WORD);
      word = read_word(n->data + (place - n->base));
      if (wanted) word = (word & 0xffff) | wanted[part] << 16;
      write_word(at(device, place), word);
      clean(device, at(device, place), 4);
    }
}

void refrain_restore(struct refrain *device) {
  describe_thresholds(device, NULL);
  device->overridden = 0;
  put(device, REGISTER(override), 0);
}

int refrain_thresholds(struct refrain *device, refrain_threshold x, refrain_threshold h) {
  const struct refrain_network *n = device->network;
  const uint32_t others =
      ~(REFRAIN__OVERRIDE_0__X_THRESHOLD_bm | REFRAIN__OVERRIDE_0__H_THRESHOLD_bm);
  const uint32_t parts[2] = {(x & 0xffu) | (h & 0xffu) << 8,
                             (uint32_t)x >> 8 | (uint32_t)h >> 8 << 8};
  uint32_t k, word, first = 0;
  if (!n) return REFRAIN_NO_NETWORK;
  if (is_busy(device)) return REFRAIN_BUSY;
  for (k = 0; k < n->descriptor_count; k++) {
    word = read_word(at(device, n->descriptor) + k * DESCRIPTOR_BYTES + 4 * OVERRIDE_WORD) & others;
    if (k == 0) first = word;
    if (word != first) return REFRAIN_LAYERS_DIFFER;
  }
  if (VALUE_BYTES > 1) {
    describe_thresholds(device, parts);
    device->overridden &= ~1u;
    put(device, REGISTER(override), device->overridden);
    return REFRAIN_OK;
  }
  first |= (uint32_t)(x & 0xff) << REFRAIN__OVERRIDE_0__X_THRESHOLD_bp;
  first |= (uint32_t)(h & 0xff) << REFRAIN__OVERRIDE_0__H_THRESHOLD_bp;
  return refrain_override(device, 0, first);
}

void refrain_watchdog(struct refrain *device, uint32_t cycles) {
  put(device, REGISTER(watchdog), cycles);
}

uint64_t refrain_counter(const struct refrain *device, uint32_t offset) {
  uint32_t low = get(device, offset);
  return (uint64_t)get(device, offset + 4) << 32 | low;
}

uint64_t refrain_cycles(const struct refrain *device) {
  return refrain_counter(device, REGISTER(cycles_low));
}

/* What was written before is in memory before anything after this. */
static void barrier(void) {
#if defined(__riscv)
  __asm__ volatile("fence iorw, iorw" ::: "memory");
#elif defined(__aarch64__)
  __asm__ volatile("dsb sy" ::: "memory");
#elif defined(__ARM_ARCH) && __ARM_ARCH >= 7
  __asm__ volatile("dsb" ::: "memory");
#elif defined(__GNUC__)
  __sync_synchronize();
#endif
}

uint32_t refrain_mmio_read(void *context, uint32_t offset) {
  uint32_t value = *(volatile uint32_t *)((uintptr_t)context + offset);
  barrier();
  return value;
}

void refrain_mmio_write(void *context, uint32_t offset, uint32_t value) {
  barrier();
  *(volatile uint32_t *)((uintptr_t)context + offset) = value;
}
