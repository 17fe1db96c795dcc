/* Where the example finds the accelerator and its memory: change it for your board. */

#ifndef BOARD_H
#define BOARD_H

/* Registers, as the processor sees them. */
#ifndef BOARD_REGISTERS
#define BOARD_REGISTERS 0x40000000u
#endif

/* Memory that both reach, as the accelerator sees it; the processor sees it at BOARD_CPU_MEMORY. */
#ifndef BOARD_MEMORY
#define BOARD_MEMORY 0x10000000u
#endif
#ifndef BOARD_CPU_MEMORY
#define BOARD_CPU_MEMORY BOARD_MEMORY
#endif
#ifndef BOARD_MEMORY_BYTES
#define BOARD_MEMORY_BYTES (1u << 20)
#endif

/* Polls of a run, after which the example gives up. */
#define BOARD_LIMIT 10000000u

#endif
