/* Runs a compiled image on the machine beside the processor of a Zynq-7000, without an operating
 * system. Needs nothing but these two files, a C compiler and a first-stage boot loader. */

#ifndef REFRAIN_H
#define REFRAIN_H

#include <stdint.h>

/* Where M_AXI_GP0 begins (UG585, chapter 4). */
#define REFRAIN_REGISTERS 0x40000000u

enum refrain_status {
  REFRAIN_OK = 0,
  REFRAIN_ABSENT = -1,  /* nothing answers with the right identity: is the bitstream loaded? */
  REFRAIN_LATE = -2,    /* not done after the polls that were allowed */
  REFRAIN_FAILED = -3,  /* the machine reports an error: refrain_error() says which */
  REFRAIN_STUCK = -4    /* memory owes the machine an answer: load the bitstream again */
};

/* Brings a machine that runs to rest, sets the logic's clock and its DRAM port, and tells the
 * machine where its memory is.
 *
 * buffer: bytes that the data cache does not keep, beginning at a multiple of 4096.
 * divisor0, divisor1: of the I/O loop (1000 MHz as boards come): 10 and 1 make 100 MHz. */
int refrain_init(void *buffer, unsigned divisor0, unsigned divisor1);

/* Ends whatever runs and finishes what is on the bus, within so many polls; needed behind
 * REFRAIN_LATE and error 6, a memory that does not answer. */
int refrain_rest(uint32_t polls);

/* Runs the table of descriptors at `descriptor`; the three are offsets into the buffer. */
int refrain_run(uint32_t descriptor, uint32_t output_base, uint32_t output_limit, uint32_t polls);

/* The machine's error code, and the cycles of the last run. */
uint32_t refrain_error(void);
uint64_t refrain_cycles(void);

#endif
