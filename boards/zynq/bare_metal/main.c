/* An example: copies an image into the buffer, runs it, compares with what was expected.
 *
 * image.h holds what sim.image.compile makes: image_data, image_descriptor, image_x, image_x_addr,
 * image_output_base, image_output_limit and image_expected; docs/boards/zynq.md says how to write
 * it. */

#include <string.h>

#include "image.h"
#include "refrain.h"

/* 16 MiB that the linker script or the translation table keeps out of the data cache. */
static uint8_t buffer[16 << 20] __attribute__((aligned(4096), section(".uncached")));

int main(void) {
  int status = refrain_init(buffer, 10, 1);
  if (status != REFRAIN_OK) return status;
  memcpy(buffer, image_data, sizeof image_data);
  memcpy(buffer + image_x_addr, image_x, sizeof image_x);
  status = refrain_run(image_descriptor, image_output_base, image_output_limit, 100000000u);
  if (status != REFRAIN_OK) return status;
  return memcmp(buffer + image_output_base, image_expected, sizeof image_expected) != 0;
}
