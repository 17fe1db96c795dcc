/* Runs the networks of images/ and compares every value with what the bit-exact model gives.
 *
 * First all steps at once. Then the same steps one by one, each as if a sensor had just delivered
 * it: the state stays in the accelerator, so the results are the same. The result is 0, or the
 * place that failed; refrain_text() has a sentence for the status. */

#define BATCH_ARRAYS
#include "batch.h"
#define STREAM_ARRAYS
#include "stream.h"

#include "board.h"
#include "refrain.h"

REFRAIN_NETWORK(batch, BATCH, batch);
REFRAIN_NETWORK(stream, STREAM, stream);

static struct refrain device;
static refrain_value h[BATCH_SEQUENCES * BATCH_STEPS * BATCH_OUTPUT_VALUES];

/* The input of the test vector without what pads its rows in memory. */
static refrain_value x[BATCH_SEQUENCES * BATCH_STEPS * BATCH_INPUT_VALUES];

static void unpack(void) {
  const struct refrain_rows rows = BATCH_INPUT;
  const int32_t sign = (int32_t)1 << (8 * BATCH_VALUE_BYTES - 1);
  uint32_t step, k, byte;
  for (step = 0; step < BATCH_STEPS; step++)
    for (k = 0; k < rows.values; k++) {
      const uint8_t *from = batch_input + step * rows.step_stride + BATCH_VALUE_BYTES * k;
      int32_t value = 0;
      for (byte = 0; byte < BATCH_VALUE_BYTES; byte++) value |= (int32_t)from[byte] << 8 * byte;
      x[step * rows.values + k] = (refrain_value)((value ^ sign) - sign);
    }
}

static int differ(const refrain_value *one, const refrain_value *other, uint32_t count) {
  while (count--)
    if (*one++ != *other++) return 1;
  return 0;
}

/* Status of the last call, for a debugger. */
int example_status;

int example(const struct refrain_port *port, void *memory, size_t bytes, uint32_t address) {
  uint32_t step;
  unpack();
  if ((example_status = refrain_open(&device, port))) return 1;

  if ((example_status = refrain_load(&device, &batch, memory, bytes, address))) return 2;
  if ((example_status = refrain_batch(&device, x, h, BOARD_LIMIT))) return 3;
  if (differ(h, batch_expected, sizeof h / sizeof *h)) return 4;

  /* A machine that was made without `resume` runs batches alone. */
  if (!stream.stream_count) return 0;
  if ((example_status = refrain_load(&device, &stream, memory, bytes, address))) return 5;
  for (step = 0; step < BATCH_STEPS; step++) {
    refrain_value *to = h + step * STREAM_OUTPUT_VALUES;
    example_status = refrain_step(&device, x + step * STREAM_INPUT_VALUES, to, BOARD_LIMIT);
    if (example_status) return 6;
  }
  return differ(h, batch_expected, sizeof h / sizeof *h) ? 7 : 0;
}

#ifndef EXAMPLE_WITHOUT_MAIN
int main(void) {
  const struct refrain_port port = {(void *)(uintptr_t)BOARD_REGISTERS,
                                    refrain_mmio_read,
                                    refrain_mmio_write,
                                    NULL,
                                    NULL,
                                    NULL,
                                    0};
  return example(&port, (void *)(uintptr_t)BOARD_CPU_MEMORY, BOARD_MEMORY_BYTES, BOARD_MEMORY);
}
#endif
