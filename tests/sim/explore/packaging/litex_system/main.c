/* Runs the driver's example on the VexRiscv of a LiteX system, and says what came of it. */

#include "refrain.h"

int example(const struct refrain_port *port, void *memory, size_t bytes, uint32_t address);
extern int example_status;

/* The data cache writes through, so that nothing is to be cleaned; this is its instruction to forget. */
static void invalidate(void *context, void *first, size_t bytes) {
  (void)context, (void)first, (void)bytes;
  __asm__ volatile(".word 0x500F\n nop\n nop" ::: "memory");
}

int main(void) {
  const struct refrain_port port = {(void *)0x90000000, refrain_mmio_read, refrain_mmio_write,
                                    NULL, invalidate, NULL, 0};
  int place = example(&port, (void *)0x40000000, 0x10000, 0x40000000);
  *(volatile uint32_t *)SAID = 0x600d0000u | (uint32_t)place << 8 | (uint8_t)example_status;
  return 0;
}
