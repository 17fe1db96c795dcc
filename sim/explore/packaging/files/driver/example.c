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
static int8_t h[BATCH_SEQUENCES * BATCH_STEPS * BATCH_OUTPUT_VALUES];

/* The input of the test vector without what pads its rows in memory. */
static int8_t x[BATCH_SEQUENCES * BATCH_STEPS * BATCH_INPUT_VALUES];

static void unpack(void) {
  const struct refrain_rows rows = BATCH_INPUT;
  uint32_t step, k;
  for (step = 0; step < BATCH_STEPS; step++)
    for (k = 0; k < rows.values; k++)
      x[step * rows.values + k] = (int8_t)batch_input[step * rows.step_stride + k];
}

static int differ(const int8_t *one, const int8_t *other, uint32_t count) {
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
  if (differ(h, batch_expected, sizeof h)) return 4;

  if ((example_status = refrain_load(&device, &stream, memory, bytes, address))) return 5;
  for (step = 0; step < BATCH_STEPS; step++) {
    int8_t *to = h + step * STREAM_OUTPUT_VALUES;
    example_status = refrain_step(&device, x + step * STREAM_INPUT_VALUES, to, BOARD_LIMIT);
    if (example_status) return 6;
  }
  return differ(h, batch_expected, sizeof h) ? 7 : 0;
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
