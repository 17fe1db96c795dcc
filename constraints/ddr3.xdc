# DDR3 of the Arty A7, behind LiteDRAM's controller.

# The strobes end like the data (UG471, uncalibrated split termination).
set_property IN_TERM UNTUNED_SPLIT_40 [get_ports ddr3_0__dqs__p*]
set_property IN_TERM UNTUNED_SPLIT_40 [get_ports ddr3_0__dqs__n*]

# Registers that carry a bit or a reset into another clock; LiteX marks them. A reset falls from the
# first of its two registers to the second within a cycle of the fastest clock.
set_false_path -quiet -through [get_nets -hierarchical -filter {mr_ff == TRUE}]
set_false_path -quiet -to [get_pins -filter {REF_PIN_NAME == PRE} -of_objects [get_cells -hierarchical -filter {ars_ff1 == TRUE || ars_ff2 == TRUE}]]
set_max_delay 2 -quiet -from [get_pins -filter {REF_PIN_NAME == C} -of_objects [get_cells -hierarchical -filter {ars_ff1 == TRUE}]] -to [get_pins -filter {REF_PIN_NAME == D} -of_objects [get_cells -hierarchical -filter {ars_ff2 == TRUE}]]
