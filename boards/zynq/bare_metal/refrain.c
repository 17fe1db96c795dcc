#include "refrain.h"

/* Registers of the machine: hw/registers.py. */
enum {
  ID = 0x00,
  CONTROL = 0x14,
  STATUS = 0x18,
  ERROR_CODE = 0x1C,
  INTERRUPT = 0x20,
  INTERRUPT_ENABLE = 0x24,
  DESCRIPTOR = 0x28,
  OUTPUT_BASE = 0x2C,
  OUTPUT_LIMIT = 0x30,
  CYCLES = 0x100,
  BASE = 0x1000 /* of the port: boards/zynq/gp.py */
};
#define ID_VALUE 0x4E524652u
#define DONE 1u
#define FAILED 2u
#define BUSY 1u
#define START 1u
#define SOFT_RESET 2u
#define POLLS_TO_REST 1000000u

/* Registers of the processor: UG585, appendix B. */
#define SLCR 0xF8000000u
#define SLCR_LOCK (SLCR + 0x004u)
#define SLCR_UNLOCK (SLCR + 0x008u)
#define FPGA0_CLK_CTRL (SLCR + 0x170u)
#define FPGA_RST_CTRL (SLCR + 0x240u)
#define LVL_SHFTR_EN (SLCR + 0x900u)
#define AFI0_RDCHAN_CTRL 0xF8008000u
#define AFI0_WRCHAN_CTRL 0xF8008014u

static void put(uint32_t addr, uint32_t value) { *(volatile uint32_t *)(uintptr_t)addr = value; }
static uint32_t get(uint32_t addr) { return *(volatile uint32_t *)(uintptr_t)addr; }

/* What was written before is in memory before anything after this. */
static void barrier(void) {
#if defined(__arm__)
  __asm__ volatile("dsb" ::: "memory");
#else
  __asm__ volatile("" ::: "memory");
#endif
}

int refrain_rest(uint32_t polls) {
  const uint32_t r = REFRAIN_REGISTERS;
  put(r + CONTROL, SOFT_RESET);
  while (polls--) {
    if (get(r + STATUS) & BUSY) continue;
    put(r + INTERRUPT, DONE | FAILED);
    return REFRAIN_OK;
  }
  return REFRAIN_STUCK;
}

/* Whether the logic is up, and is this machine: its clock may not change while DRAM owes it
 * answers. */
static int is_up(void) {
  return get(LVL_SHFTR_EN) == 0xF && get(FPGA_RST_CTRL) == 0 &&
         get(REFRAIN_REGISTERS + ID) == ID_VALUE;
}

int refrain_init(void *buffer, unsigned divisor0, unsigned divisor1) {
  if (is_up() && refrain_rest(POLLS_TO_REST) != REFRAIN_OK) return REFRAIN_STUCK;
  put(SLCR_UNLOCK, 0xDF0D);
  put(FPGA_RST_CTRL, 0xF);
  put(FPGA0_CLK_CTRL, divisor1 << 20 | divisor0 << 8);
  put(LVL_SHFTR_EN, 0xF);
  put(FPGA_RST_CTRL, 0);
  put(SLCR_LOCK, 0x767B);
  /* The DRAM port as wide as the machine's bus. */
  put(AFI0_RDCHAN_CTRL, get(AFI0_RDCHAN_CTRL) & ~1u);
  put(AFI0_WRCHAN_CTRL, get(AFI0_WRCHAN_CTRL) & ~1u);
  if (get(REFRAIN_REGISTERS + ID) != ID_VALUE) return REFRAIN_ABSENT;
  put(REFRAIN_REGISTERS + BASE, (uint32_t)(uintptr_t)buffer);
  return REFRAIN_OK;
}

int refrain_run(uint32_t descriptor, uint32_t output_base, uint32_t output_limit, uint32_t polls) {
  const uint32_t r = REFRAIN_REGISTERS;
  barrier();
  put(r + INTERRUPT, DONE | FAILED);
  put(r + DESCRIPTOR, descriptor);
  put(r + OUTPUT_BASE, output_base);
  put(r + OUTPUT_LIMIT, output_limit);
  put(r + CONTROL, START);
  while (polls--) {
    uint32_t pending = get(r + INTERRUPT);
    if (pending & FAILED) return REFRAIN_FAILED;
    if (pending & DONE) {
      barrier();
      return REFRAIN_OK;
    }
  }
  return REFRAIN_LATE;
}

uint32_t refrain_error(void) { return get(REFRAIN_REGISTERS + ERROR_CODE); }

uint64_t refrain_cycles(void) {
  uint32_t low = get(REFRAIN_REGISTERS + CYCLES);
  return (uint64_t)get(REFRAIN_REGISTERS + CYCLES + 4) << 32 | low;
}
