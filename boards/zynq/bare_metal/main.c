/* An example: copies an image into the buffer, runs it, compares with what was expected.
 *
 * image.h is what `refrain compile NET --board BOARD -o DIR` writes. */

#include <string.h>

#define IMAGE_ARRAYS
#include "image.h"
#include "refrain.h"

#if IMAGE_BASE != 0
#error "the machine's register BASE moves the image: compile it without --base"
#endif

#define BUFFER_BYTES (16u << 20)
#if IMAGE_MEMORY_BYTES > BUFFER_BYTES
#error "the image needs a larger buffer"
#endif

#define POLLS 100000000u

/* 16 MiB that the linker script or the translation table keeps out of the data cache. */
static uint8_t buffer[BUFFER_BYTES] __attribute__((aligned(4096), section(".uncached")));

static const struct image_rows outputs[IMAGE_OUTPUT_COUNT] = IMAGE_OUTPUTS;

/* Whether every output of the last layer is as expected. Rows of the layers below, and what fills
 * rows up to whole words of the bus, are not compared. */
static int right(void) {
  const uint8_t *expected = (const uint8_t *)image_expected;
  for (uint32_t sequence = 0; sequence < IMAGE_SEQUENCES; sequence++)
    for (uint32_t step = 0; step < IMAGE_STEPS; step++)
      for (uint32_t k = 0; k < IMAGE_OUTPUT_COUNT; k++) {
        const struct image_rows *rows = &outputs[k];
        uint32_t at =
            rows->address + sequence * rows->sequence_stride + step * rows->step_stride;
        uint32_t bytes = rows->values * IMAGE_VALUE_BYTES;
        if (memcmp(buffer + at, expected, bytes)) return 0;
        expected += bytes;
      }
  return 1;
}

int main(void) {
  int status = refrain_init(buffer, 10, 1);
  if (status != REFRAIN_OK) return status;
  memcpy(buffer, image_data, sizeof image_data);
  memcpy(buffer + IMAGE_INPUT_ADDRESS, image_input, sizeof image_input);
  status = refrain_run(IMAGE_DESCRIPTOR, IMAGE_OUTPUT_BASE, IMAGE_OUTPUT_LIMIT, POLLS);
  if (status != REFRAIN_OK) return status;
  return !right();
}
