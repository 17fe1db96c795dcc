# The clock that the processor gives the logic. Its frequency is set by software, so Vivado cannot
# know it; the primitive has no constraint of its own (UG903, "Primary Clocks").
create_clock -name fclk0 -period @period@ [get_pins -of_objects [get_cells -hierarchical -filter {REF_NAME == PS7}] -filter {REF_PIN_NAME == "FCLKCLK[0]"}]
# Its reset may fall at any time; it is synchronised inside.
set_false_path -through [get_pins -of_objects [get_cells -hierarchical -filter {REF_NAME == PS7}] -filter {REF_PIN_NAME == "FCLKRESETN[0]"}]
# The interrupt goes to a controller with a synchroniser of its own.
set_false_path -through [get_pins -of_objects [get_cells -hierarchical -filter {REF_NAME == PS7}] -filter {REF_PIN_NAME == "IRQF2P[0]"}]
